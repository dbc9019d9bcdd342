"""`seamark demo`: the main job on the sample texts, and a service that answers with a version on PROD."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seamark.cli._demo_service import DemoService
    from seamark.extraction.result import Prediction

_SHOWN = 5
_TEXT = "You will teach new colleagues SQL, build dashboards in Power BI and look after our warehouse stock."


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo")(demo)


def demo(
    output: Annotated[
        Path, typer.Option("--output", metavar="FOLDER", help="Where the page and the workspace go.")
    ] = Path("demo"),
    no_service: Annotated[
        bool, typer.Option("--no-service", help="Write the page, and start nothing.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the service of an earlier demo.")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The service's port. [default: 8080, or a free one]"),
    ] = None,
) -> None:
    """Extract the skills of twenty sample texts, then start a service with a version on PROD.

    The workspace is FOLDER/workspace, the page FOLDER/index.html. Two made-up people ask for the version
    and approve it. The service stays when this command has ended; --stop ends it.
    """
    from seamark.cli._demo_service import DemoService

    service = DemoService(output.resolve())
    if stop:
        _stop(service)
        return
    serves = not no_service and _can_serve()
    output.mkdir(parents=True, exist_ok=True)
    _write_page(output)
    if serves:
        _start(service, port)


def _write_page(output: Path) -> None:
    from seamark.cli.base_model import show_fetch
    from seamark.cli.output import print_table, say
    from seamark.extraction.models import make_extractor
    from seamark.extraction.page import render_pages
    from seamark.taxonomy.samples import read_samples

    with show_fetch() as progress:
        extractor = make_extractor("starter", progress=progress)
    samples = read_samples()
    predictions = extractor.extract_many([sample.text for sample in samples])
    titled = [(sample.title, found) for sample, found in zip(samples, predictions, strict=True)]
    rows = [(title, len(found.skills), _name_best(found)) for title, found in titled]
    print_table("", ("text", "skills", f"the {_SHOWN} most certain"), rows)
    page = output / "index.html"
    page.write_text(render_pages(titled, taxonomy_name="starter"), encoding="utf-8")
    say(f"look at {page}")


def _name_best(prediction: Prediction) -> str:
    return ", ".join(f"{skill.title} ({skill.confidence:.2f})" for skill in prediction.skills[:_SHOWN])


def _can_serve() -> bool:
    """Whether there can be a service; where only the extraction is installed, the demo is the page.

    Raises:
        UsageError: the environment names somebody's database or store.
    """
    from seamark.cli._demo_workspace import refuse_elsewhere
    from seamark.cli._workspace import require_server_packages
    from seamark.cli.output import say
    from seamark.cli.serve import require_service_packages
    from seamark.errors import MissingExtraError

    try:
        require_server_packages("the demo's service")
        require_service_packages("the demo's service")
    except MissingExtraError as error:
        say(f"the page alone: {error}")
        return False
    refuse_elsewhere()
    return True


def _start(service: DemoService, port: int | None) -> None:
    from functools import partial

    from seamark.cli._demo_service import start_service, stop_service
    from seamark.cli._demo_workspace import (
        bring_to_prod,
        build_version,
        find_failure,
        make_demo_token,
        open_demo_workspace,
    )
    from seamark.cli.output import say

    if stop_service(service):
        say("stopped the service of the demo before")
    with open_demo_workspace(service.workspace) as workspace:
        version = bring_to_prod(workspace, build_version(workspace))
        token = make_demo_token(workspace)
        pid, url = start_service(service, port=port, check=partial(find_failure, workspace))
    say(f"version {version} on PROD answers at {url} (process {pid})")
    _ask(url, token)
    _explain(service, url, token)


def _ask(url: str, token: str) -> None:
    from seamark.cli.output import print_table
    from seamark.client import Client

    with Client(url, token) as client:
        found = client.extract(_TEXT)
    rows = [(skill.title, skill.type, f"{skill.confidence:.2f}", skill.phrase) for skill in found.skills]
    print_table(f"{found.model_version} says of: {_TEXT}", ("skill", "type", "confidence", "phrase"), rows)


def _explain(service: DemoService, url: str, token: str) -> None:
    """The same request for `curl`, and how the service is stopped."""
    import json
    import shlex

    from seamark.cli.output import say

    body = shlex.quote(json.dumps({"text": _TEXT}))
    typer.echo(
        f"\ncurl {url}/v1/extract -H 'Authorization: Bearer {token}' "
        f"-H 'Content-Type: application/json' -d {body}\n"
    )
    say(f"its log: {service.log}")
    say(f"its workspace: {service.workspace}")
    say(f"stop it: `make demo-stop`, or `seamark demo --stop --output {shlex.quote(str(service.folder))}`")


def _stop(service: DemoService) -> None:
    from seamark.cli._demo_service import stop_service
    from seamark.cli.output import say

    say("stopped the demo's service" if stop_service(service) else "no service of the demo runs")
