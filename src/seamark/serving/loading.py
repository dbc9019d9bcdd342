"""Loads versions beside those that answer, one at a time, and remembers what failed.

Choices:

- A version that is damaged or fails its smoke test is not tried again for the same promotion, but is from time
  to time where it is live already: somebody may have mended its files.
- A store that can't be reached is given some tries before a promotion counts as failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seamark.errors import StorageError
from seamark.serving.logs import log_event, log_failure
from seamark.serving.models import Model, load_model

if TYPE_CHECKING:
    from seamark.serving.metrics import Metrics
    from seamark.storage.workspace import Workspace

Key = tuple[str, str]
"""Version and manifest digest."""

TRIES = 4
"""How often a version whose store can't be reached is tried for one promotion."""

_LONGEST_PAUSE = 60.0  # seconds before the next try
_FINAL_PAUSE = 30.0  # the same, where trying again is not expected to help


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a version is not in memory.

    Attributes:
        reason: in one line.
        promotions: for which promotions it was tried; None where nobody knows of one.
        tries: how often.
        final: whether trying again is not expected to help.
        again_at: when it is tried again, by the loader's clock.
    """

    reason: str
    promotions: frozenset[str | None]
    tries: int
    final: bool
    again_at: float


class Loader:
    """Holds the models, and loads those that are wanted.

    Args:
        workspace: whose versions.
        metrics: told of every load.
        on_change: called from the loading thread when a load has ended.
        load: makes a model; tests have their own.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        workspace: Workspace,
        metrics: Metrics,
        *,
        on_change: Callable[[], None],
        load: Callable[[Workspace, str, str], Model] = load_model,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace = workspace
        self._metrics = metrics
        self._on_change = on_change
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._models: dict[Key, Model] = {}
        self._failures: dict[Key, Failure] = {}
        self._asked: dict[Key, set[str | None]] = {}
        self._under_way: set[Key] = set()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="seamark-loader")

    def get(self, version: str, digest: str) -> Model | None:
        """The model, where it is in memory."""
        with self._lock:
            return self._models.get((version, digest))

    def ask_for(self, version: str, digest: str, promotion_id: str | None) -> Failure | None:
        """Have a model loaded unless it is being loaded, or has failed and is not due again; why it failed."""
        key = (version, digest)
        with self._lock:
            failure = self._failures.get(key)
            is_new = failure is not None and promotion_id not in failure.promotions
            due = failure is None or is_new or self._clock() >= failure.again_at
            self._asked.setdefault(key, set()).add(promotion_id)
            if due and key not in self._models and key not in self._under_way:
                self._under_way.add(key)
                # somebody approved it anew: it begins at the first try
                tries = failure.tries if failure is not None and not is_new else 0
                self._pool.submit(self._bring, key, tries)
            return None if is_new else failure

    def find_failure(self, version: str, digest: str) -> Failure | None:
        """Why the model could not be loaded when it was last tried; None where it could, or was not tried."""
        with self._lock:
            return self._failures.get((version, digest))

    def keep_only(self, keys: Collection[Key]) -> None:
        """Let go of all other models; each leaves the memory when its last request is answered."""
        with self._lock:
            for key in self._models.keys() - set(keys):
                del self._models[key]
            for known in (self._failures, self._asked):
                for key in known.keys() - set(keys):
                    del known[key]

    def stop(self) -> None:
        """End; what is being loaded is finished, what waits is not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _bring(self, key: Key, tries: int) -> None:
        version, digest = key
        with self._lock:
            promotions = frozenset(self._asked.get(key, ()))
        try:
            model = self._load(self._workspace, version, digest)
        except BaseException as error:  # noqa: BLE001 (whatever it is, the version before goes on answering)
            self._note_failure(key, promotions, tries + 1, error)
        else:
            self._metrics.load_seconds.observe(model.seconds)
            log_event("version.loaded", version=version, seconds=round(model.seconds, 3))
            with self._lock:
                self._models[key] = model
                self._failures.pop(key, None)
            del model
        with self._lock:
            self._under_way.discard(key)
        self._on_change()

    def _note_failure(
        self, key: Key, promotions: frozenset[str | None], tries: int, error: BaseException
    ) -> None:
        self._metrics.load_failures.inc()
        reason = " ".join(f"{error}".split()) or type(error).__name__
        is_away = isinstance(error, StorageError)
        final = not is_away or tries >= TRIES
        pause = min(2.0 ** (tries - 1), _LONGEST_PAUSE) if is_away else _FINAL_PAUSE
        log_failure("version.failed", error, version=key[0], reason=reason, tries=tries)
        failure = Failure(f"{reason:.500}", promotions, tries, final, self._clock() + pause)
        with self._lock:
            self._failures[key] = failure
