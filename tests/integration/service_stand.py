"""A workspace that `seamark serve` can serve as a process, and what tests ask of both."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from people import ADMIN
from seamark.extraction.bundle import Bundle
from seamark.governance.people import add_first_administrator
from seamark.governance.tokens import create_token
from seamark.storage.captures import list_captures
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_versions import put_on_stage, register_tiny


@dataclass(frozen=True)
class Stand:
    """A workspace with 1.0.0 on PROD, and tokens.

    Attributes:
        workspace: an open one.
        secret: a token that may predict.
        manager: an administrator's, which may read and write.
        environ: what a server's process needs to know.
    """

    workspace: Workspace
    secret: str
    manager: str
    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The workspace's."""
        return self.workspace.folder

    def list_request_ids(self) -> list[str]:
        """What is captured, in order."""
        with self.workspace.database.read() as connection:
            return sorted(one.request_id for one in list_captures(connection, limit=100_000))


@contextmanager
def make_stand(folder: Path, bundles: Mapping[str, Bundle], environ: Mapping[str, str]) -> Iterator[Stand]:
    """A stand with these versions, the first of them on PROD.

    Args:
        folder: the workspace's.
        bundles: version → its bundle.
        environ: settings, also the server's.
    """
    with create_workspace(folder, environ=environ):
        pass
    with open_workspace(folder, environ=environ) as workspace:
        for number, bundle in bundles.items():
            assert register_tiny(workspace, bundle, key=number).number == number
        put_on_stage(workspace, next(iter(bundles)), "prod")
        add_first_administrator(workspace, ADMIN.name)
        secret = create_token(workspace, ADMIN, scopes=["predict"])[1]
        manager = create_token(workspace, ADMIN, scopes=["read", "write"])[1]
        yield Stand(workspace, secret, manager, environ)


def call(
    port: int, method: str, path: str, secret: str, body: object = None
) -> tuple[int, dict[str, object]]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def predict(port: int, secret: str, text: str = "teach Python") -> tuple[str, str]:
    """The request id and version of a prediction; fails where there is none."""
    status, told = call(port, "POST", "/v1/extract", secret, {"text": text})
    assert status == http.HTTPStatus.OK, told
    return str(told["requestId"]), str(told["modelVersion"])


def read_readiness(port: int) -> dict[str, object]:
    """What the server says of itself."""
    return call(port, "GET", "/v1/ready", "")[1]
