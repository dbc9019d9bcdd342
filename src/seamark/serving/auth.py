"""Who asks over HTTP: a bearer token, looked up at most every few seconds for predictions.

Choices:

- What changes or shows the workspace asks the database each time, so that a revoked token or a role taken
  away counts at once. Predictions, which come by the hundred a second, may take a known answer of the last
  seconds.
- While the database is away, who was known within the last quarter of an hour goes on predicting, until their
  token expires. A database that does not answer within a second counts as away for some seconds: predictions
  must not wait for its time-out.
- Of a token only its SHA-256 is kept, here as in the database.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from seamark.errors import SignInError, StorageError
from seamark.governance.actors import Actor
from seamark.governance.tokens import digest_secret, identify

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

FRESH_SECONDS = 5.0
"""How long a prediction takes a token's owner as known."""

AWAY_SECONDS = 900.0
"""How long it does so while the database is away."""

PATIENCE_SECONDS = 1.0
"""How long a prediction of somebody known waits for the database."""

ANONYMOUS = "anonymous"
"""What whoever predicts without a token is called."""

_MOST = 4096  # tokens that are remembered
_LONGEST = 512  # characters of an Authorization header
_PREDICT = "predict"


@dataclass(frozen=True, slots=True)
class _Known:
    """Whose a token is, as the database said at a time by the clock, and when it expires."""

    asked: float
    actor: Actor
    expires_at: datetime


class Authenticator:
    """Finds out who asks.

    Args:
        workspace: whose people.
        anonymous: whether predictions may go without a token.
        is_away: says whether the database is known to be away, so that it need not be asked.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        anonymous: bool = False,
        is_away: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace = workspace
        self._anonymous = anonymous
        self._is_away = is_away
        self._clock = clock
        self._ask_from = 0.0  # by the clock; until then the database is left alone
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def __call__(self, request: Request, action: str) -> Actor:
        """Who sent ``request``.

        Args:
            request: the request.
            action: what it asks for, a name of ``seamark.governance.actions.ACTIONS``.

        Raises:
            SignInError: there is no token, or it is not valid.
            StorageError: the database is away and nothing is known of the token.
        """
        address = request.client.host if request.client else ""
        header = request.headers.get("authorization")
        if header is None:
            if self._anonymous and action == _PREDICT:
                return Actor(
                    ANONYMOUS,
                    frozenset({"viewer"}),
                    scopes=frozenset({_PREDICT}),
                    kind="token",
                    via="http",
                    address=address,
                )
            raise SignInError(
                "there is no token", expected="Authorization: Bearer TOKEN", hint="`seamark token create`"
            )
        secret = _read_secret(header)
        if action != _PREDICT:
            actor, _ = await run_in_threadpool(self._ask, secret, address)
            return actor
        return await self._recall(secret, address)

    async def _recall(self, secret: str, address: str) -> Actor:
        key, now = digest_secret(secret), self._clock()
        known = self._known.get(key)
        age = now - known.asked if known else AWAY_SECONDS
        if known is None or age >= AWAY_SECONDS or known.expires_at <= datetime.now(UTC):
            return await self._look_up(key, secret, address, now)
        if age < FRESH_SECONDS or now < self._ask_from or self._is_away():
            return _place(known.actor, address)
        return await self._look_up_soon(key, secret, address, known.actor)

    async def _look_up_soon(self, key: str, secret: str, address: str, known: Actor) -> Actor:
        """Who it is as the database says, or, where it does not say so soon, as it was known."""
        now = self._clock()
        try:
            with anyio.move_on_after(PATIENCE_SECONDS):
                return await self._look_up(key, secret, address, now)
        except StorageError:
            pass
        self._ask_from = self._clock() + FRESH_SECONDS
        return _place(known, address)

    async def _look_up(self, key: str, secret: str, address: str, now: float) -> Actor:
        try:
            actor, expires_at = await anyio.to_thread.run_sync(
                self._ask, secret, address, abandon_on_cancel=True
            )
        except SignInError:
            self._known.pop(key, None)
            raise
        self._keep(key, _Known(now, actor, expires_at))
        return actor

    def _ask(self, secret: str, address: str) -> tuple[Actor, datetime]:
        return identify(self._workspace, secret, via="http", address=address)

    def _keep(self, key: str, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)


def _read_secret(header: str) -> str:
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(header) > _LONGEST or not secret.isascii():
        raise SignInError("the header Authorization can't be used", expected="Authorization: Bearer TOKEN")
    return secret


def _place(actor: Actor, address: str) -> Actor:
    return actor if actor.address == address else replace(actor, address=address)
