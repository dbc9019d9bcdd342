"""A version's files are damaged while `seamark serve` serves, before it starts, and between approval and loading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from service_process import Clients, ServerProcess
from service_stand import Stand, call, make_stand, predict, read_readiness
from sqlalchemy import select

from people import make_actor
from seamark.delivery.promotions import approve_promotion, get_promotion, request_promotion
from seamark.errors import ConflictError, ExitCode
from seamark.extraction.bundle import Bundle
from seamark.registry.bundles import locate_version
from seamark.settings import Settings
from seamark.storage.stages import list_stages
from seamark.storage.tables import audit_events
from tiny_models import TAXONOMY, make_bundle
from tiny_versions import put_on_stage
from waiting import wait_until

pytestmark = pytest.mark.slow

_SEAMARK = str(Path(sys.executable).with_name("seamark"))
_ASKER, _APPROVER = make_actor("asker", "data-scientist"), make_actor("approver", "approver")


@pytest.fixture
def stand(tmp_path: Path, tiny_settings: Settings) -> Iterator[Stand]:
    """1.0.0 on PROD, 1.0.1 registered."""
    bundles: dict[str, Bundle] = {}
    for number in ("1.0.0", "1.0.1"):
        skills = tuple(replace(skill, title=f"{skill.title} {number}") for skill in TAXONOMY.skills)
        taxonomy = replace(TAXONOMY, skills=skills)
        bundles[number] = make_bundle(tmp_path / number, tmp_path, tiny_settings, taxonomy=taxonomy)
    environ = {
        "SEAMARK_HOME": str(tiny_settings.home),
        "SEAMARK_THREADS": "1",
        "SEAMARK_SERVICE_POLL_SECONDS": "0.1",
    }
    with make_stand(tmp_path / "workspace", bundles, environ) as stand:
        yield stand


def list_files(stand: Stand, number: str) -> list[Path]:
    manifest = stand.workspace.store.local_path(f"{locate_version(number)}manifest.json")
    assert manifest is not None
    return sorted(path for path in manifest.parent.rglob("*") if path.is_file())


def overwrite(path: Path) -> None:
    """The same number of other bytes, in place."""
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes(byte ^ 0xFF for byte in content))


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 0)


def ask_skills(server: ServerProcess, stand: Stand, text: str) -> object:
    status, told = call(server.port, "POST", "/v1/extract", stand.secret, {"text": text})
    assert status == 200, told
    return told["skillExtractOutput"]


@pytest.mark.parametrize("harm", [overwrite, truncate, Path.unlink], ids=["overwritten", "truncated", "gone"])
def test_a_version_whose_files_are_harmed_while_it_answers_goes_on(stand, harm):
    texts = ["You will build data and teach Python.", "Care for patients in the design."]
    with ServerProcess(stand.folder, port=0, **stand.environ) as server:
        before = [ask_skills(server, stand, text) for text in texts]
        assert all(before)
        for path in list_files(stand, "1.0.0"):
            harm(path)
        for _ in range(5):
            assert [ask_skills(server, stand, text) for text in texts] == before
        new = [f"Build the data, {word}, teach." for word in ("care", "Python", "design", "patients")]
        assert all(ask_skills(server, stand, text) for text in new)
        status, _ = call(server.port, "GET", "/v1/skills?q=teach", stand.secret)
        assert status == 200
        assert read_readiness(server.port)["status"] == "ready"
        assert server.stop() == ExitCode.WORKED


def test_a_damaged_version_at_the_start_is_503_on_its_stage_until_it_is_mended(stand):
    put_on_stage(stand.workspace, "1.0.1", "uat")
    path = next(path for path in list_files(stand, "1.0.1") if path.name == "embeddings.npy")
    good = path.read_bytes()
    overwrite(path)
    with ServerProcess(stand.folder, port=0, stages=("uat", "prod"), **stand.environ) as server:
        assert predict(server.port, stand.secret)[1] == "1.0.0"
        status, told = call(server.port, "POST", "/v1/stages/uat/extract", stand.secret, {"text": "teach"})
        assert (status, told["type"]) == (503, "/problems/stage-unavailable")
        assert "embeddings.npy" in str(told["detail"])
        assert str(stand.folder) not in json.dumps(told)
        assert read_readiness(server.port)["status"] == "degraded"
        assert server.stop() == ExitCode.WORKED
    path.write_bytes(good)
    with ServerProcess(stand.folder, port=0, stages=("uat", "prod"), **stand.environ) as server:
        status, told = call(server.port, "POST", "/v1/stages/uat/extract", stand.secret, {"text": "teach"})
        assert (status, told["modelVersion"]) == (200, "1.0.1")


def test_a_version_that_is_damaged_after_its_approval_fails_and_no_request_notices(stand):
    asked = request_promotion(stand.workspace, _ASKER, "1.0.1", stage="uat")
    approve_promotion(stand.workspace, _APPROVER, asked.id)
    asked = request_promotion(stand.workspace, _ASKER, "1.0.1", stage="prod")
    with (
        ServerProcess(stand.folder, port=0, **stand.environ) as server,
        Clients(server.port, stand.secret, 2) as clients,
    ):
        overwrite(next(path for path in list_files(stand, "1.0.1") if path.name == "embeddings.npy"))
        approve_promotion(stand.workspace, _APPROVER, asked.id)
        wait_until(lambda: get_promotion(stand.workspace, asked.id).status == "failed")
        seen = len(clients.answers)
        wait_until(lambda: len(clients.answers) > seen + 20)
        clients.stop()
        assert clients.failures == []
        assert {one.version for one in clients.answers} == {"1.0.0"}
        status, told = call(server.port, "GET", f"/v1/promotions/{asked.id}", stand.manager)
        assert (status, told["status"]) == (200, "failed")
        assert "embeddings.npy" in str(told["error"])
        wait_until(lambda: read_readiness(server.port)["status"] == "ready")
        assert server.stop() == ExitCode.WORKED
    shown = subprocess.run(
        [_SEAMARK, "promotions", "show", asked.id, "--workspace", str(stand.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **stand.environ, "SEAMARK_TOKEN": stand.manager},
        check=False,
    )
    assert shown.returncode == ExitCode.WORKED, shown.stderr
    assert "failed" in shown.stdout
    assert "embeddings.npy" in shown.stdout
    with stand.workspace.database.read() as connection:
        assert {stage.name: stage.version for stage in list_stages(connection)}["prod"] == "1.0.0"
        failed = select(audit_events.c.subject).where(audit_events.c.action == "promotion.fail")
        assert list(connection.execute(failed).scalars()) == [asked.id]
    with pytest.raises(ConflictError, match=r"1\.0\.1 is damaged: .*embeddings\.npy"):
        request_promotion(stand.workspace, _ASKER, "1.0.1", stage="prod")
