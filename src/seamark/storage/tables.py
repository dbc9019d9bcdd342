"""Every table of the workspace's database, as the newest migration leaves it.

Choices:
- Core tables, no mapped classes: a query module beside this file returns frozen dataclasses.
- Times are aware UTC datetimes in Python on both databases (:class:`UtcTime`).
- JSON is kept as text with its key order; ``None`` is SQL's NULL.
- Every constraint has a name, so that a later migration can change it.
- Texts are never NULL where an empty one says the same; NULL means "not yet" or "none".
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

LINE = "default"
"""The one line of model versions."""

RUN_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
EXPERIMENT_STATUSES = ("running", "registered", "lost", "failed", "cancelled")
VERSION_STATUSES = ("registering", "registered")
SPLITS = ("train", "validation", "test")
PROMOTION_KINDS = ("promotion", "rollback", "automatic", "canary")
PROMOTION_STATUSES = ("waiting", "approved", "live", "rejected", "withdrawn", "failed")
CONTENDER_KINDS = ("shadow", "canary")
CAPTURE_ROLES = ("champion", "canary", "shadow")


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, to the microsecond; SQLite keeps it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """``value`` in UTC as the database takes it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """``value`` as the database gave it, in UTC and aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _json(name: str) -> Column[object]:
    return Column(name, _JSON, nullable=False, default=dict)


def _limit_to(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


_JSON = JSON(none_as_null=True)
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Single facts about the workspace, such as "taxonomy": the name of the live one.
workspace_facts = Table(
    "workspace_facts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", _JSON),
)

taxonomy_releases = Table(
    "taxonomy_releases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("skills", Integer, nullable=False),
    _text("source"),
    Column("imported_at", UtcTime, nullable=False),
    Column("object_key", Text, nullable=False),
    _json("report"),
    _json("changes"),
    UniqueConstraint("name", "number"),
)

# A split generation: once a champion was judged on its test split it is frozen, and what is
# imported later belongs to the next one.
generations = Table(
    "generations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("frozen_at", UtcTime),
    _text("checksum"),
)

# One row for each (text or phrase, skill) that somebody called relevant or not. A verdict that
# replaces one of an earlier generation is a row more, so that the earlier generation stays as it was.
examples = Table(
    "examples",
    metadata,
    Column("id", Text, primary_key=True),
    Column("row_hash", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    _text("phrase"),
    Column("skill_id", Text, nullable=False),
    Column("relevant", Boolean, nullable=False),
    _text("kind"),
    _text("sector"),
    _text("source"),
    Column("split", Text, nullable=False),
    Column("generation", Integer, ForeignKey("generations.number"), nullable=False),
    Column("imported_at", UtcTime, nullable=False),
    UniqueConstraint("row_hash", "generation"),
    Index(None, "document_id"),
    Index(None, "generation", "split"),
    _limit_to("split", SPLITS),
)

data_versions = Table(
    "data_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("checksum", Text, nullable=False),
    Column("generation", Integer, ForeignKey("generations.number"), nullable=False),
    _json("counts"),
    _json("object_keys"),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("checksum"),
)

# `run_id` has no foreign key: a trigger is recorded before the run that it starts.
triggers = Table(
    "triggers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    _json("payload"),
    Column("run_id", Text),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("kind", "key"),
)

# `experiment_id` has no foreign key: an experiment names its run.
runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("pipeline", Text, nullable=False),
    Column("line", Text, nullable=False, default=LINE),
    Column("trigger_id", Text, ForeignKey("triggers.id")),
    Column("status", Text, nullable=False),
    _text("outcome"),
    _text("step"),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    _text("message"),
    _text("error"),
    Column("attempt", Integer, nullable=False, default=1),
    Column("experiment_id", Text),
    Column("cancel_asked", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Index(None, "line", "status"),
    Index(None, "created_at"),
    _limit_to("status", RUN_STATUSES),
)

experiments = Table(
    "experiments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("line", Text, nullable=False, default=LINE),
    _text("trigger_kind"),
    _text("kind"),
    Column("status", Text, nullable=False),
    Column("champion", Text),
    Column("version", Text),
    _json("recipe"),
    Column("data_version", Integer, ForeignKey("data_versions.number")),
    _json("taxonomy"),
    _json("metrics"),
    _json("decision"),
    _json("object_keys"),
    _text("error"),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    UniqueConstraint("run_id"),
    Index(None, "line", "started_at"),
    _limit_to("status", EXPERIMENT_STATUSES),
)

# Parts of a version's number have no upper bound in practice: 999.999.999 counts on.
versions = Table(
    "versions",
    metadata,
    Column("number", Text, primary_key=True),
    Column("line", Text, nullable=False, default=LINE),
    Column("major", BigInteger, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("patch", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("experiment_id", Text, ForeignKey("experiments.id"), nullable=False),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("parent", Text, ForeignKey("versions.number")),
    _text("change"),
    _text("taxonomy_name"),
    _text("taxonomy_number"),
    _text("taxonomy_digest"),
    _text("manifest_digest"),
    _text("path"),
    _json("recipe"),
    _json("metrics"),
    _json("lineage"),
    Column("size", BigInteger, nullable=False, default=0),
    Column("created_at", UtcTime, nullable=False),
    Column("registered_at", UtcTime),
    UniqueConstraint("run_id"),
    UniqueConstraint("line", "major", "minor", "patch"),
    Index(None, "experiment_id"),
    _limit_to("status", VERSION_STATUSES),
)

stages = Table(
    "stages",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, ForeignKey("versions.number")),
    Column("changed_at", UtcTime, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("roles", _JSON, nullable=False, default=list),
    _text("password_hash"),
    Column("active", Boolean, nullable=False, default=True),
    Column("simulated", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

# Of a token only its SHA-256 is kept: it has 256 random bits, so that nothing slower is needed.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("person", Text, ForeignKey("people.name"), nullable=False),
    _text("title"),
    Column("scopes", _JSON, nullable=False, default=list),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    UniqueConstraint("digest"),
    Index(None, "person"),
)

# Append-only: triggers of the database refuse UPDATE and DELETE. `digest` is the SHA-256 of the row with the
# digest of the row before, `previous`.
audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    _text("actor_kind"),
    _text("via"),
    _text("address"),
    Column("action", Text, nullable=False),
    _text("subject"),
    _text("outcome"),
    _text("reason"),
    _json("before"),
    _json("after"),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index(None, "action"),
    Index(None, "actor"),
)

# One row: the newest event. Writers lock it, so that the chain has no forks; a chain that ends before it was cut.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
)

# Every change of a stage, asked for or done: also registrations on DEV (`automatic`) and rollbacks.
promotions = Table(
    "promotions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("version", Text, ForeignKey("versions.number"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("replaces", Text, ForeignKey("versions.number")),
    Column("share", Float),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    _text("reason"),
    _json("evidence"),
    _json("object_keys"),
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    _text("decision_reason"),
    Column("live_at", UtcTime),
    Column("ended_at", UtcTime),
    _text("error"),
    Index(None, "stage", "status"),
    Index(None, "requested_at"),
    _limit_to("kind", PROMOTION_KINDS),
    _limit_to("status", PROMOTION_STATUSES),
)

# Versions that see a share of a stage's requests beside the stage's own.
contenders = Table(
    "contenders",
    metadata,
    Column("stage", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Text, ForeignKey("versions.number"), nullable=False),
    Column("share", Float, nullable=False),
    Column("promotion_id", Text, ForeignKey("promotions.id")),
    Column("started_by", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    _limit_to("kind", CONTENDER_KINDS),
)

# What people set for a stage; what isn't there has its default.
stage_settings = Table(
    "stage_settings",
    metadata,
    Column("stage", Text, primary_key=True),
    _json("values"),
    Column("changed_at", UtcTime, nullable=False),
)

# Processes that serve, as they last said themselves.
servers = Table(
    "servers",
    metadata,
    Column("id", Text, primary_key=True),
    _text("address"),
    _json("stages"),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

# `answered_id` is the request that a shadow's prediction stands beside.
captures = Table(
    "captures",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("answered_id", Text),
    Column("at", UtcTime, nullable=False),
    Column("input", Text, nullable=False),
    _json("output"),
    Column("latency_ms", Float, nullable=False),
    _text("caller"),
    _text("document_id"),
    _text("kind"),
    _text("sector"),
    Index(None, "at"),
    Index(None, "stage", "at"),
    Index(None, "version", "at"),
    Index(None, "answered_id"),
    _limit_to("role", CAPTURE_ROLES),
)

# Captures that somebody had deleted: what the spool still holds of them must not come back.
capture_removals = Table(
    "capture_removals",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("removed_at", UtcTime, nullable=False),
)

capture_archives = Table(
    "capture_archives",
    metadata,
    Column("key", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("captures", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "day"),
)
