"""Every table of the first platform.

Safe before the code's upgrade: there was nothing before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Create the tables, those first that others refer to."""
    _create_generations()
    _create_taxonomy_releases()
    _create_triggers()
    _create_workspace_facts()
    _create_data_versions()
    _create_examples()
    _create_runs()
    _create_experiments()
    _create_versions()
    _create_stages()


def _create_generations() -> None:
    op.create_table(
        "generations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("frozen_at", _TIME, nullable=True),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_generations")),
    )


def _create_taxonomy_releases() -> None:
    op.create_table(
        "taxonomy_releases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("skills", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("report", _JSON, nullable=False),
        sa.Column("changes", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_releases")),
        sa.UniqueConstraint("name", "number", name=op.f("uq_taxonomy_releases_name_number")),
    )


def _create_triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_triggers_kind_key")),
    )


def _create_workspace_facts() -> None:
    op.create_table(
        "workspace_facts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", _JSON, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_workspace_facts")),
    )


def _create_data_versions() -> None:
    op.create_table(
        "data_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("counts", _JSON, nullable=False),
        sa.Column("object_keys", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["generation"], ["generations.number"], name=op.f("fk_data_versions_generation")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_data_versions")),
        sa.UniqueConstraint("checksum", name=op.f("uq_data_versions_checksum")),
    )


def _create_examples() -> None:
    op.create_table(
        "examples",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("row_hash", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("skill_id", sa.Text(), nullable=False),
        sa.Column("relevant", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("imported_at", _TIME, nullable=False),
        sa.CheckConstraint("split IN ('train', 'validation', 'test')", name=op.f("ck_examples_split")),
        sa.ForeignKeyConstraint(["generation"], ["generations.number"], name=op.f("fk_examples_generation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examples")),
        sa.UniqueConstraint("row_hash", "generation", name=op.f("uq_examples_row_hash_generation")),
    )
    op.create_index(op.f("ix_examples_document_id"), "examples", ["document_id"])
    op.create_index(op.f("ix_examples_generation_split"), "examples", ["generation", "split"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_runs_status")
        ),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_runs_trigger_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_created_at"), "runs", ["created_at"])
    op.create_index(op.f("ix_runs_line_status"), "runs", ["line", "status"])


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("trigger_kind", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("champion", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("recipe", _JSON, nullable=False),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("taxonomy", _JSON, nullable=False),
        sa.Column("metrics", _JSON, nullable=False),
        sa.Column("decision", _JSON, nullable=False),
        sa.Column("object_keys", _JSON, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'registered', 'lost', 'failed', 'cancelled')",
            name=op.f("ck_experiments_status"),
        ),
        sa.ForeignKeyConstraint(
            ["data_version"], ["data_versions.number"], name=op.f("fk_experiments_data_version")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_experiments_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("run_id", name=op.f("uq_experiments_run_id")),
    )
    op.create_index(op.f("ix_experiments_line_started_at"), "experiments", ["line", "started_at"])


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("major", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("patch", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("taxonomy_name", sa.Text(), nullable=False),
        sa.Column("taxonomy_number", sa.Text(), nullable=False),
        sa.Column("taxonomy_digest", sa.Text(), nullable=False),
        sa.Column("manifest_digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("recipe", _JSON, nullable=False),
        sa.Column("metrics", _JSON, nullable=False),
        sa.Column("lineage", _JSON, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("registered_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('registering', 'registered')", name=op.f("ck_versions_status")),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_versions_experiment_id")
        ),
        sa.ForeignKeyConstraint(["parent"], ["versions.number"], name=op.f("fk_versions_parent")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_versions_run_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_versions")),
        sa.UniqueConstraint(
            "line", "major", "minor", "patch", name=op.f("uq_versions_line_major_minor_patch")
        ),
        sa.UniqueConstraint("run_id", name=op.f("uq_versions_run_id")),
    )
    op.create_index(op.f("ix_versions_experiment_id"), "versions", ["experiment_id"])


def _create_stages() -> None:
    op.create_table(
        "stages",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.number"], name=op.f("fk_stages_version")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stages")),
    )
