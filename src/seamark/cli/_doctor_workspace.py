"""What `seamark doctor` looks at in a workspace: nothing is changed, and no bundle is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seamark.cli.doctor import Check, examine

if TYPE_CHECKING:
    from seamark.storage.servers import ServerRecord
    from seamark.storage.workspace import Workspace

_MEGABYTE = 1e6
_MOST_EVENTS = 50_000  # a trail up to here is verified in seconds
_PATIENCE = timedelta(minutes=10)  # a run that waits longer has probably no worker
_FULL = 0.5  # of the spool's limit


def check_workspace() -> list[Check]:
    """The outcome of every examination of the workspace that commands would work on; none where there is none."""
    import os
    from pathlib import Path

    from seamark.cli._workspace import open_from
    from seamark.errors import SeamarkError
    from seamark.storage.workspace import find_workspace

    if not os.environ.get("SEAMARK_WORKSPACE") and find_workspace(Path.cwd()) is None:
        return []
    try:
        workspace = open_from(None)
    except SeamarkError as error:
        return [Check("workspace", "fail", error.found, error.hint)]
    with workspace:
        return run_workspace_checks(workspace)


def run_workspace_checks(workspace: Workspace) -> list[Check]:
    """The outcome of every examination, in the order in which a person would mend them."""
    examinations: list[tuple[str, Callable[[Workspace], Check]]] = [
        ("workspace", check_place),
        ("object store", check_store),
        ("signed in", check_person),
        ("audit trail", check_trail),
        ("stages", check_stages),
        ("servers", check_servers),
        ("spool", check_spool),
        ("runs", check_runs),
    ]
    return [examine(name, lambda look=look: look(workspace)) for name, look in examinations]  # type: ignore[misc]


def check_place(workspace: Workspace) -> Check:
    """Where the workspace is, and that its database answers."""
    from seamark.storage.versions import list_versions

    with workspace.database.read() as connection:
        count = len(list_versions(connection))
    return Check("workspace", "ok", f"{workspace.folder}, {workspace.database.name}, {count} versions")


def check_store(workspace: Workspace) -> Check:
    """Whether the object store answers."""
    workspace.store.exists("logs.json")
    return Check("object store", "ok", workspace.store.url)


def check_person(workspace: Workspace) -> Check:
    """Who is signed in; nobody need be for serving and working."""
    from seamark.errors import SignInError
    from seamark.governance.sign_in import sign_in

    try:
        actor = sign_in(workspace)
    except SignInError as error:
        return Check("signed in", "warn", error.found, error.hint)
    return Check("signed in", "ok", f"{actor.name} ({', '.join(sorted(actor.roles))})")


def check_trail(workspace: Workspace) -> Check:
    """Whether the audit trail is as it was written; of a long one only that it has a head."""
    from seamark.errors import SignInError
    from seamark.governance.audit import verify_trail
    from seamark.governance.sign_in import sign_in
    from seamark.storage.audit import read_head

    with workspace.database.read() as connection:
        head = read_head(connection)
    count = head.seq if head else 0
    if count > _MOST_EVENTS:
        return Check("audit trail", "ok", f"{count} events, not verified here", "seamark audit verify")
    try:
        report = verify_trail(workspace, sign_in(workspace))
    except SignInError:
        return Check("audit trail", "ok", f"{count} events, not verified: nobody is signed in")
    if not report.sound:
        wrong = report.faults[0]
        return Check(
            "audit trail", "fail", f"changed at event {wrong.seq}: {wrong.message}", "seamark audit verify"
        )
    return Check("audit trail", "ok", f"{report.events} events, whole")


def check_stages(workspace: Workspace) -> Check:
    """Which version each stage should run, and whether its newest promotion failed."""
    from seamark.delivery.desired import read_desired
    from seamark.delivery.promotions import list_promotions

    desired = read_desired(workspace)
    told = ", ".join(f"{name} {stage.version or '-'}" for name, stage in desired.items())
    newest = [found for name in desired for found in list_promotions(workspace, stage=name, limit=1)]
    failed = [one for one in newest if one.status == "failed"]
    if failed:
        wrong = "; ".join(f"{one.version} failed on {one.stage}: {one.error}" for one in failed)
        return Check("stages", "warn", f"{told}; {wrong}", f"seamark promotions show {failed[0].id}")
    return Check("stages", "ok", told)


def check_servers(workspace: Workspace) -> Check:
    """Whether every server that is alive runs what its stages should."""
    from seamark.delivery.desired import read_desired
    from seamark.serving.watching import SILENT_SECONDS
    from seamark.storage.servers import list_servers

    since = datetime.now(UTC) - timedelta(seconds=SILENT_SECONDS)
    wanted = {name: stage.version for name, stage in read_desired(workspace).items()}
    with workspace.database.read() as connection:
        everyone = list_servers(connection)
    alive = [server for server in everyone if server.seen_at >= since]
    wrong = [problem for server in alive for problem in _find_problems(server, wanted)]
    if wrong:
        return Check(
            "servers",
            "warn",
            "; ".join(wrong),
            "again in a few seconds; where it stays, the server's log says why",
        )
    told = ", ".join(server.address for server in alive) or "none"
    lost = [
        server.address for server in everyone if server.seen_at < since and not _is_followed(server, alive)
    ]
    if lost:
        return Check(
            "servers", "warn", f"{told}; silent since they were killed: {', '.join(lost)}", "seamark serve"
        )
    return Check("servers", "ok", told)


def _is_followed(lost: ServerRecord, alive: list[ServerRecord]) -> bool:
    """Whether another one was started on the same host since; a killed server's row stays for a day."""
    host = lost.address.rpartition(":")[0]
    return any(one.address.rpartition(":")[0] == host and one.started_at > lost.seen_at for one in alive)


def _find_problems(server: ServerRecord, wanted: dict[str, str | None]) -> list[str]:
    problems = []
    for stage, facts in server.stages.items():
        runs, error = facts.get("version"), facts.get("error", "")
        if error or runs != wanted.get(stage):
            why = f": {error}" if error else ""
            problems.append(
                f"{server.address} runs {runs or 'nothing'} on {stage}, not {wanted.get(stage) or 'nothing'}{why}"
            )
    return problems


def check_spool(workspace: Workspace) -> Check:
    """Whether captures wait in this folder's spool that nobody moves to the database."""
    from seamark.capture.segments import SPOOL, list_sizes, take_abandoned

    sizes = list_sizes(workspace.folder / SPOOL)
    left = []
    for path in sizes:
        with take_abandoned(path) as abandoned:
            left += [path] * abandoned
    megabytes, limit = sum(sizes.values()) / _MEGABYTE, workspace.settings.capture.spool_mb
    told = f"{len(sizes)} files, {megabytes:.1f} MB"
    if left:
        hint = "seamark worker moves them to the database, and so does a server"
        return Check("spool", "warn", f"{told}; {len(left)} left by servers that are gone", hint)
    if megabytes > limit * _FULL:
        return Check("spool", "warn", f"{told} of {limit}", "see that servers reach the database")
    return Check("spool", "ok", told)


def check_runs(workspace: Workspace) -> Check:
    """Whether runs wait for a worker that isn't there."""
    from seamark.storage.runs import list_pending_runs

    with workspace.database.read() as connection:
        pending = list_pending_runs(connection)
    waiting = [run for run in pending if run.status == "queued"]
    told = f"{len(pending) - len(waiting)} at work, {len(waiting)} waiting"
    since = min((run.created_at for run in waiting), default=None)
    if len(waiting) == len(pending) and since and datetime.now(UTC) - since > _PATIENCE:
        return Check("runs", "warn", f"{told} since {since:%Y-%m-%dT%H:%M}Z", "seamark worker")
    return Check("runs", "ok", told)
