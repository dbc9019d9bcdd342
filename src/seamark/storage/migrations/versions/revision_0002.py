"""People, tokens, the audit trail, promotions, what stages run beside their version, and captures.

Safe before the code's upgrade: older code neither reads nor writes these tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Create the tables, those first that others refer to."""
    _create_people()
    _create_tokens()
    _create_audit_events()
    _create_audit_head()
    _create_promotions()
    _create_contenders()
    _create_stage_settings()
    _create_servers()
    _create_captures()
    _create_capture_removals()
    _create_capture_archives()
    _refuse_audit_changes()


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
    )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("scopes", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.name"], name=op.f("fk_tokens_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_index(op.f("ix_tokens_person"), "tokens", ["person"])


def _create_audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", _JSON, nullable=False),
        sa.Column("after", _JSON, nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_action"), "audit_events", ["action"])
    op.create_index(op.f("ix_audit_events_actor"), "audit_events", ["actor"])


def _create_audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )


def _create_promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("object_keys", _JSON, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("live_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('promotion', 'rollback', 'automatic', 'canary')", name=op.f("ck_promotions_kind")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'approved', 'live', 'rejected', 'withdrawn', 'failed')",
            name=op.f("ck_promotions_status"),
        ),
        sa.ForeignKeyConstraint(["replaces"], ["versions.number"], name=op.f("fk_promotions_replaces")),
        sa.ForeignKeyConstraint(["version"], ["versions.number"], name=op.f("fk_promotions_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index(op.f("ix_promotions_requested_at"), "promotions", ["requested_at"])
    op.create_index(op.f("ix_promotions_stage_status"), "promotions", ["stage", "status"])


def _create_contenders() -> None:
    op.create_table(
        "contenders",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("promotion_id", sa.Text(), nullable=True),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('shadow', 'canary')", name=op.f("ck_contenders_kind")),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotions.id"], name=op.f("fk_contenders_promotion_id")),
        sa.ForeignKeyConstraint(["version"], ["versions.number"], name=op.f("fk_contenders_version")),
        sa.PrimaryKeyConstraint("stage", "kind", name=op.f("pk_contenders")),
    )


def _create_stage_settings() -> None:
    op.create_table(
        "stage_settings",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("values", _JSON, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_stage_settings")),
    )


def _create_servers() -> None:
    op.create_table(
        "servers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("stages", _JSON, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
    )


def _create_captures() -> None:
    op.create_table(
        "captures",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("answered_id", sa.Text(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", _JSON, nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('champion', 'canary', 'shadow')", name=op.f("ck_captures_role")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_captures")),
    )
    op.create_index(op.f("ix_captures_answered_id"), "captures", ["answered_id"])
    op.create_index(op.f("ix_captures_at"), "captures", ["at"])
    op.create_index(op.f("ix_captures_stage_at"), "captures", ["stage", "at"])
    op.create_index(op.f("ix_captures_version_at"), "captures", ["version", "at"])


def _create_capture_removals() -> None:
    op.create_table(
        "capture_removals",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("removed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_capture_removals")),
    )


def _create_capture_archives() -> None:
    op.create_table(
        "capture_archives",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("captures", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_capture_archives")),
    )
    op.create_index(op.f("ix_capture_archives_day"), "capture_archives", ["day"])


def _refuse_audit_changes() -> None:
    """The database itself refuses to change or remove an audit event."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION seamark_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events "
            "FOR EACH STATEMENT EXECUTE FUNCTION seamark_refuse_audit_change()"
        )
        return
    for change in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER audit_events_no_{change} BEFORE {change.upper()} ON audit_events "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        )
