"""Inserting a row that another process may insert at the same time."""

from __future__ import annotations

from sqlalchemy import Connection, Insert
from sqlalchemy.exc import IntegrityError


def try_insert(connection: Connection, statement: Insert) -> bool:
    """Whether the row was inserted; False, with the transaction as it was, where its key is taken.

    A row that another transaction has inserted and not yet committed is waited for.
    """
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return False
    return True
