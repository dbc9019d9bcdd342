from __future__ import annotations

import pytest
from sqlalchemy import JSON, DateTime

from seamark.storage import tables
from seamark.storage.tables import UtcTime, metadata

_TABLES = metadata.sorted_tables


@pytest.mark.parametrize("table", _TABLES, ids=lambda table: table.name)
def test_every_constraint_and_index_has_a_name(table):
    assert all(item.name for item in [*table.constraints, *table.indexes])


@pytest.mark.parametrize("table", _TABLES, ids=lambda table: table.name)
def test_every_time_is_kept_in_utc(table):
    assert not any(isinstance(column.type, DateTime) for column in table.columns)
    assert all(isinstance(column.type, UtcTime) for column in table.columns if column.name.endswith("_at"))


@pytest.mark.parametrize("table", _TABLES, ids=lambda table: table.name)
def test_nothing_as_json_is_never_the_text_null(table):
    assert all(column.type.none_as_null for column in table.columns if isinstance(column.type, JSON))


def test_the_tables_are_those_of_the_workspace():
    assert {table.name for table in _TABLES} == {
        "workspace_facts",
        "taxonomy_releases",
        "examples",
        "generations",
        "data_versions",
        "runs",
        "triggers",
        "experiments",
        "versions",
        "stages",
        "people",
        "tokens",
        "audit_events",
        "audit_head",
        "promotions",
        "contenders",
        "stage_settings",
        "servers",
        "captures",
        "capture_removals",
        "capture_archives",
    }


def test_there_is_one_line():
    assert tables.LINE == "default"
