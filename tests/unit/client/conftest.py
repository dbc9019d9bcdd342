"""Both kinds of client against a service of our own; every test runs with each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fake_service import FakeService, run_service
from seamark.client import AsyncClient, Client


class Awaited:
    """An :class:`AsyncClient` whose methods wait, so that a test can be written once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self.client = AsyncClient(*arguments, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda *arguments, **options: self._runner.run(method(*arguments, **options))

    def close(self) -> None:
        self._runner.run(self.client.close())
        self._runner.close()


@pytest.fixture
def service() -> Iterator[FakeService]:
    with run_service() as running:
        yield running


@pytest.fixture(params=[Client, Awaited], ids=["blocking", "async"])
def make_client(request: pytest.FixtureRequest, service: FakeService) -> Iterator[Callable[..., Any]]:
    """Makes a client of the service; other options and another address as they are given."""
    made: list[Any] = []

    def make(url: str = "", token: str = "smk_secret", **options: Any) -> Any:
        made.append(request.param(url or service.url, token, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Any]) -> Any:
    return make_client()
