from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, select

from seamark.storage.database import migrate, open_database
from seamark.storage.inserting import try_insert
from seamark.storage.tables import workspace_facts


def test_a_taken_key_leaves_the_transaction_as_it_was(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'seamark.db'}")
    migrate(database)
    with database.begin() as connection:
        assert try_insert(connection, insert(workspace_facts).values(key="a", value=1))
        assert not try_insert(connection, insert(workspace_facts).values(key="a", value=2))
        assert try_insert(connection, insert(workspace_facts).values(key="b", value=3))
    with database.read() as connection:
        query = select(workspace_facts.c.key, workspace_facts.c.value)
        facts = {key: value for key, value in connection.execute(query) if key in ("a", "b")}
    database.close()
    assert facts == {"a": 1, "b": 3}
