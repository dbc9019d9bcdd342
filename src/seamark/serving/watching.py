"""Hot swap: looks at what the stages should run, and makes it so without a request noticing.

Choices:

- Driven by state, not by events: every look compares what is wanted with what runs. Whatever was missed, killed
  or refused in between is made up for at the next look, also telling the promotion's outcome.
- The version before goes on answering until the new one is loaded, warm and tried; the swap itself is one
  assignment. Requests that began with the old one end with it.
- While the database is away nothing is known to have changed, so nothing changes.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seamark.delivery.desired import DesiredContender, DesiredStage, read_desired
from seamark.delivery.outcomes import mark_failed, mark_live
from seamark.errors import SeamarkError
from seamark.serving.loading import Failure, Loader
from seamark.serving.logs import log_event, log_failure
from seamark.serving.models import Model, View, load_model, make_view
from seamark.serving.state import Running, StageState
from seamark.settings import StageSettings
from seamark.storage.ids import make_id
from seamark.storage.servers import ServerRecord, put_server, remove_server, remove_silent_servers

if TYPE_CHECKING:
    from seamark.serving.metrics import Metrics
    from seamark.storage.workspace import Workspace

HEARTBEAT_SECONDS = 5.0
"""How often a server says what it runs."""

SILENT_SECONDS = 60.0
"""A server that was not heard of for so long is gone."""

PATIENCE_SECONDS = 2.0
"""A look at the stages, which is some small reads, that takes longer is one at a database that does not answer."""

_DEFAULTS = StageSettings()
_FORGOTTEN = timedelta(days=1)  # after which a killed server's row is removed


class Watcher:
    """A thread that keeps the stages' states up to date.

    Args:
        workspace: whose stages.
        stages: those that this server serves.
        metrics: told of every swap.
        load: makes a model; tests have their own.
    """

    def __init__(
        self,
        workspace: Workspace,
        stages: Sequence[str],
        metrics: Metrics,
        *,
        load: Callable[[Workspace, str, str], Model] = load_model,
    ) -> None:
        self._workspace = workspace
        self._metrics = metrics
        self._wake = threading.Event()
        self._loader = Loader(workspace, metrics, on_change=self._wake.set, load=load)
        self.states: Mapping[str, StageState] = {
            name: StageState(name, _DEFAULTS, loading=True) for name in stages
        }
        self._away = False
        self._looking_since: float | None = None
        self.settled = threading.Event()
        self._told: set[str] = set()
        self._stopping = False
        self._id, self._started = make_id("server"), datetime.now(UTC)
        self._said_at = -HEARTBEAT_SECONDS
        self._thread = threading.Thread(target=self._run, name="seamark-watcher", daemon=True)

    @property
    def id(self) -> str:
        """The server's id among the workspace's."""
        return self._id

    @property
    def database_away(self) -> bool:
        """Whether the database did not answer when it was last asked, or lets wait for it now."""
        since = self._looking_since
        return self._away or (since is not None and time.monotonic() - since > PATIENCE_SECONDS)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; the states stay as they are."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        self._loader.stop()
        if not self._thread.is_alive():  # else a database that does not answer keeps it
            self._say_goodbye()

    def look(self) -> None:
        """Compare what is wanted with what runs, once."""
        self._looking_since = time.monotonic()
        try:
            self._look()
        finally:
            self._looking_since = None

    def _look(self) -> None:
        try:
            desired = read_desired(self._workspace)
        except SeamarkError as error:
            self._note_database(away=True, reason=str(error))
            return
        self._note_database(away=False)
        self.states = {name: self._bring_up_to_date(self.states[name], desired[name]) for name in self.states}
        self._loader.keep_only(self._list_needed(desired))
        for name, state in self.states.items():
            self._tell_outcomes(state, desired[name])
        if not any(state.loading for state in self.states.values()):
            self.settled.set()
        self._say_hello()

    def _run(self) -> None:
        pause = self._workspace.settings.service.poll_seconds
        while not self._stopping:
            self._wake.clear()
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 (a look that fails changes nothing; the next one may not)
                log_failure("watch.failed", error)
            self._wake.wait(pause)

    # ---- what a stage runs

    def _bring_up_to_date(self, state: StageState, wanted: DesiredStage) -> StageState:
        """The stage's new state: with what is wanted where that is in memory, else with what there was."""
        settings = wanted.settings
        champion, loading, error = self._choose_champion(state, wanted)
        canary, canary_error = self._choose_contender(state.canary, wanted.canary, settings)
        shadow, shadow_error = self._choose_contender(state.shadow, wanted.shadow, settings)
        new = StageState(
            wanted.stage,
            settings,
            wanted=wanted.version,
            champion=champion,
            canary=canary if champion else None,
            shadow=shadow if champion else None,
            error=error or canary_error or shadow_error,
            loading=loading,
        )
        self._tell_change(state, new)
        return new

    def _choose_champion(self, state: StageState, wanted: DesiredStage) -> tuple[Running | None, bool, str]:
        """What answers from now on, whether something else is being loaded for it, and why it can't be."""
        if wanted.version is None:
            return None, False, ""
        model = self._loader.get(wanted.version, wanted.manifest_digest)
        if model is not None:
            return _keep_or_begin(state.champion, model, wanted.settings, wanted.promotion_id), False, ""
        failure = self._loader.ask_for(wanted.version, wanted.manifest_digest, wanted.promotion_id)
        before = state.champion and _change_view(state.champion, wanted.settings)
        error = f"version {wanted.version} can't be loaded: {failure.reason}" if failure else ""
        return before, failure is None or not failure.final, error

    def _choose_contender(
        self, before: Running | None, wanted: DesiredContender | None, settings: StageSettings
    ) -> tuple[Running | None, str]:
        """The contender that runs from now on; none while it is being loaded."""
        if wanted is None:
            return None, ""
        model = self._loader.get(wanted.version, wanted.manifest_digest)
        if model is not None:
            running = _keep_or_begin(before, model, settings, wanted.promotion_id)
            return replace(running, share=wanted.share), ""
        failure = self._loader.ask_for(wanted.version, wanted.manifest_digest, wanted.promotion_id)
        return None, f"version {wanted.version} can't be loaded: {failure.reason}" if failure else ""

    def _list_needed(self, desired: Mapping[str, DesiredStage]) -> set[tuple[str, str]]:
        """What should run, and what still runs meanwhile."""
        needed = set()
        for name, state in self.states.items():
            for wanted in (desired[name], desired[name].canary, desired[name].shadow):
                if wanted is not None and wanted.version is not None:
                    needed.add((wanted.version, wanted.manifest_digest))
            for running in (state.champion, state.canary, state.shadow):
                if running is not None:
                    needed.add(running.view.model.key)
        return needed

    # ---- telling

    def _tell_change(self, before: StageState, after: StageState) -> None:
        old, new = before.champion, after.champion
        if new is not None and (old is None or old.view.model is not new.view.model):
            self._metrics.swaps.labels(after.stage).inc()
            log_event(
                "version.swapped",
                stage=after.stage,
                version=new.view.version,
                replaces=old.view.version if old else None,
            )
        elif new is None and old is not None:
            log_event("stage.emptied", stage=after.stage, replaces=old.view.version)

    def _tell_outcomes(self, state: StageState, wanted: DesiredStage) -> None:
        """Say that the wanted versions answer, or can't; what can't be said now is said at the next look."""
        if wanted.version and wanted.promotion_id and wanted.promotion_status == "approved":
            runs = state.champion is not None and state.champion.view.model.key == (
                wanted.version,
                wanted.manifest_digest,
            )
            self._tell_outcome(wanted.promotion_id, wanted.version, wanted.manifest_digest, runs=runs)
        contender = wanted.canary
        if contender is not None and contender.promotion_id and contender.promotion_id not in self._told:
            runs = state.canary is not None and state.canary.promotion_id == contender.promotion_id
            self._tell_outcome(
                contender.promotion_id, contender.version, contender.manifest_digest, runs=runs
            )

    def _tell_outcome(self, promotion_id: str, version: str, digest: str, *, runs: bool) -> None:
        failure = None if runs else self._find_failure(version, digest, promotion_id)
        if not runs and failure is None:
            return
        try:
            if failure is None:
                changed = mark_live(self._workspace, promotion_id)
            else:
                changed = mark_failed(self._workspace, promotion_id, failure.reason)
        except SeamarkError as error:
            log_event("promotion.untold", promotion=promotion_id, reason=str(error))
            return
        self._told.add(promotion_id)
        if changed:
            outcome = "live" if failure is None else "failed"
            log_event(f"promotion.{outcome}", promotion=promotion_id, version=version)
            self._wake.set()  # the stage may want something else by now

    def _find_failure(self, version: str, digest: str, promotion_id: str) -> Failure | None:
        """Why the promotion's version will not run; None while that is open."""
        failure = self._loader.find_failure(version, digest)
        return failure if failure and failure.final and promotion_id in failure.promotions else None

    def _note_database(self, *, away: bool, reason: str = "") -> None:
        if away != self._away:
            log_event("database.away" if away else "database.back", reason=reason)
        self._away = away
        self._metrics.database_up.set(not away)

    def _say_hello(self) -> None:
        now = time.monotonic()
        if now - self._said_at < HEARTBEAT_SECONDS:
            return
        self._said_at = now
        seen = datetime.now(UTC)
        record = ServerRecord(
            self._id,
            f"{socket.gethostname()}:{os.getpid()}",
            self._started,
            seen,
            {name: state.describe() for name, state in self.states.items()},
        )
        try:
            with self._workspace.database.begin() as connection:
                put_server(connection, record)
                remove_silent_servers(connection, before=seen - _FORGOTTEN)
        except SeamarkError as error:
            log_event("server.unheard", reason=str(error))

    def _say_goodbye(self) -> None:
        try:
            with self._workspace.database.begin() as connection:
                remove_server(connection, self._id)
        except SeamarkError as error:
            log_event("server.unheard", reason=str(error))


def _keep_or_begin(
    before: Running | None, model: Model, settings: StageSettings, promotion_id: str | None
) -> Running:
    """What runs already, with the settings of now; or the model from now on."""
    if before is None or before.view.model is not model:
        return Running(make_view(model, settings), datetime.now(UTC), promotion_id=promotion_id)
    return replace(_change_view(before, settings), promotion_id=promotion_id)


def _change_view(running: Running, settings: StageSettings) -> Running:
    """The same model with a stage's new threshold and number of skills."""
    view: View = make_view(running.view.model, settings)
    return running if view == running.view else replace(running, view=view)
