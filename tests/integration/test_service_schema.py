"""Requests made from the service's own OpenAPI document: no mistake of ours, and no answer that it doesn't document."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from local_server import serve_app
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_people import Staffed, bear, finish_job, staff

from people import ADMIN
from seamark.capture.reading import list_captures
from seamark.delivery.contenders import start_shadow
from seamark.delivery.promotions import request_promotion
from seamark.governance.people import add_person
from seamark.governance.tokens import create_token
from seamark.pipelines.batch_jobs import submit_batch
from seamark.pipelines.runs import list_runs
from seamark.registry.versions import list_versions
from seamark.serving.app import make_app
from seamark.storage.workspace import create_workspace
from tiny_models import make_bundle
from tiny_versions import register_tiny

EXAMPLES = {"administrator": 12, "viewer": 3}  # of each operation, right and wrong ones each
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PATIENCE = 60.0

Statuses = defaultdict[str, Counter[int]]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory, tiny_bundle, tiny_settings):
    folder = tmp_path_factory.mktemp("schema") / "workspace"
    environ = {"SEAMARK_THREADS": "1", "SEAMARK_SERVICE_LOG_REQUESTS": "false"}
    with create_workspace(folder, environ=environ) as workspace:
        made = staff(workspace, tiny_bundle)
        root = tmp_path_factory.mktemp("second")
        register_tiny(workspace, make_bundle(root / "bundle", root, tiny_settings, threshold=0.1), "second")
        yield made


@pytest.fixture(scope="module")
def url(staffed: Staffed) -> Iterator[str]:
    with serve_app(make_app(staffed.workspace)) as address:
        deadline = time.monotonic() + PATIENCE
        while httpx.get(f"{address}/v1/ready").status_code != 200:
            assert time.monotonic() < deadline, httpx.get(f"{address}/v1/ready").text
            time.sleep(0.05)
        yield address


@pytest.fixture(scope="module")
def known(staffed: Staffed, url: str, tmp_path_factory) -> dict[str, dict[str, str]]:
    """Beginning of a path → its parameters, as something that there is."""
    workspace = staffed.workspace
    add_person(workspace, ADMIN, "somebody", roles=["viewer"])
    token, _ = create_token(workspace, ADMIN, person="somebody")
    file = tmp_path_factory.mktemp("batch") / "texts.csv"
    file.write_text('text\nYou teach Python\n""\n', encoding="utf-8")
    job = submit_batch(workspace, ADMIN, file, stage="prod", text_column="text").run.id
    finish_job(workspace, job)
    answer = httpx.post(
        f"{url}/v1/extract", json={"text": "Python"}, headers=bear(staffed.tokens["administrator"])
    )
    captured = answer.raise_for_status().json()["requestId"]
    deadline = time.monotonic() + PATIENCE
    while not list_captures(workspace, ADMIN):
        assert time.monotonic() < deadline, "the capture never came to the database"
        time.sleep(0.05)
    newest = list_versions(workspace)[-1].number
    asked = request_promotion(workspace, ADMIN, newest, stage="uat")
    start_shadow(workspace, ADMIN, newest, stage="uat", share=5)
    return {
        "/v1/stages": {"stage": "uat"},
        "/v1/versions": {"number": "1.0.0"},
        "/v1/promotions": {"id": asked.id},
        "/v1/runs": {"id": list_runs(workspace)[-1].id},
        "/v1/batch-jobs": {"id": job},
        "/v1/people": {"name": "somebody"},
        "/v1/tokens": {"id": token.id},
        "/v1/captures": {"request_id": captured},
    }


def pin_parameters(operation: Any, known: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Nothing pinned; and, where the path names something, what there is."""
    names = [parameter.name for parameter in operation.path_parameters]
    found = next((each for start, each in known.items() if operation.path.startswith(start)), {})
    return [{}, {"path_parameters": found}] if names else [{}]


def try_out(
    operation: Any, mode: GenerationMode, examples: int, statuses: Statuses, **given_parts: Any
) -> None:
    """Send requests of an operation, and check every answer."""
    strategy = operation.as_strategy(generation_mode=mode, **given_parts)

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def check(case: Case) -> None:
        answer = case.call_and_validate(checks=CHECKS, timeout=PATIENCE)
        statuses[operation.label][answer.status_code] += 1

    with suppress(Unsatisfiable):  # nothing of it can be wrong
        check()


@pytest.mark.slow
@pytest.mark.parametrize("role", list(EXAMPLES))
def test_every_answer_is_a_documented_one(staffed, url, known, role):
    schema = schemathesis.openapi.from_dict(httpx.get(f"{url}/v1/openapi.json").json())
    schema.config.update(base_url=url, headers=bear(staffed.tokens[role]))
    wrong: list[str] = []
    statuses: Statuses = defaultdict(Counter)
    for result in schema.get_all_operations():
        operation = result.ok()
        for pinned in pin_parameters(operation, known):
            for mode in GenerationMode:
                try:
                    try_out(operation, mode, EXAMPLES[role], statuses, **pinned)
                except Exception as error:  # noqa: BLE001 - every operation is tried before the test fails
                    wrong.append(f"{operation.label} ({mode.value}, {pinned}): {error}")
    assert not wrong, "\n\n".join(wrong)
    assert len(statuses) == sum(1 for _ in schema.get_all_operations())
    worked = {label for label, counted in statuses.items() if counted.keys() & {200, 201, 202}}
    refused = {label for label, counted in statuses.items() if 403 in counted}
    if role == "administrator":
        assert len(worked) > 40
        assert refused <= {"POST /v1/tokens"}  # one that changes things in somebody else's name
    else:
        assert len(refused) > 20
