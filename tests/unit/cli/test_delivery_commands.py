"""`seamark promote`, `approve`, `reject`, `withdraw`, `rollback`, `promotions`, `stages`, `shadow`, `canary`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery_fakes import make_template
from people import make_token, sign_in
from seamark.cli.main import app
from seamark.errors import ConflictError, ExitCode, NotAllowedError, SeamarkError
from seamark.storage.workspace import open_workspace


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_template(tmp_path_factory.mktemp("template") / "ws")
    with open_workspace(folder, environ={}) as workspace:
        sign_in(workspace)
    return folder


@pytest.fixture
def folder(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with three versions, an administrator signed in."""
    shutil.copytree(template, tmp_path / "ws")
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path / "ws"))
    return tmp_path / "ws"


def seamark(*arguments: str) -> None:
    app(list(arguments), standalone_mode=False)


def read(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    seamark(*arguments, "--json")
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("folder")
def test_a_version_goes_to_uat_by_two_commands(capsys: pytest.CaptureFixture[str]) -> None:
    asked = read(capsys, "promote", "1.0.0", "--to", "uat", "--reason", "tested")
    assert (asked["status"], asked["stage"], asked["version"], asked["reason"]) == (
        "waiting",
        "uat",
        "1.0.0",
        "tested",
    )
    done = read(capsys, "approve", "--reason", "signed off")
    assert (done["promotion"], done["status"], done["decided_by"]) == (asked["promotion"], "approved", "ada")
    assert read(capsys, "promotions", "show", asked["promotion"])["decision_reason"] == "signed off"


@pytest.mark.usefixtures("folder")
def test_what_people_see_names_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    seamark("promote", "1.0.0", "--to", "uat")
    told = capsys.readouterr()
    assert told.out == ""
    promotion = told.err.partition(":")[0]
    assert f"`seamark approve {promotion}`" in told.err
    page = Path(told.err.rpartition("evidence: ")[2].strip())
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    seamark("approve", promotion)
    assert capsys.readouterr().err == f"{promotion}: approved: 1.0.0 is on uat\n"


@pytest.mark.usefixtures("folder")
def test_without_an_id_only_a_promotion_that_waits_alone_is_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SeamarkError, match="no promotion waits"):
        seamark("approve")
    waiting = [read(capsys, "promote", version, "--to", "uat") for version in ("1.0.0", "1.1.0")]
    with pytest.raises(SeamarkError, match="2 promotions wait") as raised:
        seamark("approve")
    for each in waiting:
        assert f"{each['promotion']} ({each['version']} for uat)" in str(raised.value)
    assert raised.value.exit_code == ExitCode.MISUSED
    seamark("withdraw", waiting[0]["promotion"])
    seamark("reject", "--reason", "not now")
    found = read(capsys, "promotions", "list", "--stage", "uat")["promotions"]
    assert [each["status"] for each in found] == ["rejected", "withdrawn"]


@pytest.mark.usefixtures("folder")
def test_a_rollback_is_one_command_with_its_own_record(capsys: pytest.CaptureFixture[str]) -> None:
    done = read(capsys, "rollback", "--stage", "dev", "--reason", "worse")
    assert (done["kind"], done["version"], done["replaces"], done["reason"]) == (
        "rollback",
        "1.1.0",
        "1.2.0",
        "worse",
    )
    dev, uat, prod = read(capsys, "stages", "list")["stages"]
    assert (dev["version"], dev["promotion"], dev["previous"]) == ("1.1.0", done["promotion"], "1.0.0")
    assert (uat["version"], prod["version"]) == (None, None)


def test_prod_takes_a_second_person(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seamark("promote", "1.0.0", "--to", "uat")
    seamark("approve")
    seamark("promote", "1.0.0", "--to", "prod")
    with pytest.raises(NotAllowedError) as raised:
        seamark("approve")
    assert raised.value.exit_code == ExitCode.NOT_ALLOWED
    with open_workspace(folder) as workspace:
        _, secret = make_token(workspace, "pat", "approver")
    monkeypatch.setenv("SEAMARK_TOKEN", secret)
    assert read(capsys, "approve")["decided_by"] == "pat"
    assert read(capsys, "stages", "show", "prod")["version"] == "1.0.0"


@pytest.mark.usefixtures("folder")
def test_a_canary_is_promoted_with_its_share_and_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    seamark("promote", "1.0.0", "--to", "uat")
    seamark("approve")
    asked = read(capsys, "promote", "1.1.0", "--to", "uat", "--canary", "12.5")
    assert (asked["kind"], asked["share"]) == ("canary", 12.5)
    seamark("approve")
    assert "1.1.0 answers 12.5% of uat" in capsys.readouterr().err
    uat = read(capsys, "stages", "show", "uat")
    assert uat["canary"] == {"version": "1.1.0", "share": 12.5, "promotion": asked["promotion"]}
    stopped = read(capsys, "canary", "stop", "--stage", "uat")
    assert (stopped["kind"], stopped["version"]) == ("canary", "1.1.0")
    assert read(capsys, "stages", "show", "uat")["canary"] is None


@pytest.mark.usefixtures("folder")
def test_a_shadow_is_started_and_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    started = read(capsys, "shadow", "start", "1.0.0", "--stage", "dev", "--share", "30")
    assert started == {
        "stage": "dev",
        "kind": "shadow",
        "version": "1.0.0",
        "share": 30,
        "promotion": None,
    }
    assert read(capsys, "stages", "show", "dev")["shadow"]["version"] == "1.0.0"
    seamark("shadow", "stop", "--stage", "dev")
    assert capsys.readouterr().err == "1.0.0 sees nothing of dev any more\n"


@pytest.mark.usefixtures("folder")
def test_settings_are_set_by_key_and_value(capsys: pytest.CaptureFixture[str]) -> None:
    told = read(capsys, "stages", "set", "prod", "sampling_percent=20", "capture=off")
    assert (told["settings"]["sampling_percent"], told["settings"]["capture"]) == (20.0, False)
    seamark("stages", "set", "prod", "capture=default")
    assert "on" in capsys.readouterr().out
    assert read(capsys, "stages", "show", "prod")["settings"]["capture"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "9.0.0", "--to", "uat"], "there is no version 9.0.0"),
        (["promote", "1.0.0", "--to", "dev"], "nobody promotes to dev"),
        (["promote", "1.0.0", "--to", "live"], "there is no stage 'live'"),
        (["promote", "1.0.0", "--to", "prod"], "1.0.0 is not signed off on uat"),
        (["promote", "1.0.0", "--to", "uat", "--canary", "0"], "a share of 0%"),
        (["approve", "promotion-1"], "no promotion has the id 'promotion-1'"),
        (["rollback", "--stage", "prod"], "prod has had no version before"),
        (["promotions", "list", "--status", "done"], "no promotion is 'done'"),
        (["promotions", "show", "promotion-1"], "no promotion has the id 'promotion-1'"),
        (["stages", "show", "live"], "there is no stage 'live'"),
        (["stages", "set", "uat", "sampling_percent"], "expected KEY=VALUE"),
        (["stages", "set", "uat", "=5"], "expected KEY=VALUE"),
        (["stages", "set", "uat", "sampling_percent=120"], "sampling_percent"),
        (["stages", "set", "uat", "sampling=5"], "sampling_percent"),
        (["shadow", "start", "1.2.0", "--stage", "dev", "--share", "5"], "1.2.0 is on dev itself"),
        (["shadow", "stop", "--stage", "dev"], "dev has no shadow"),
        (["canary", "stop", "--stage", "dev"], "dev has no canary"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_use_says_what_was_expected(arguments: list[str], message: str) -> None:
    with pytest.raises(SeamarkError) as raised:
        seamark(*arguments)
    assert message in str(raised.value)
    assert raised.value.exit_code == ExitCode.MISUSED


@pytest.mark.usefixtures("folder")
def test_asking_twice_names_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    first = read(capsys, "promote", "1.0.0", "--to", "uat")
    with pytest.raises(ConflictError, match=first["promotion"]):
        seamark("promote", "1.0.0", "--to", "uat")


@pytest.mark.usefixtures("folder")
def test_tables_show_every_promotion_and_stage(capsys: pytest.CaptureFixture[str]) -> None:
    seamark("promotions", "list")
    assert capsys.readouterr().out.count("automatic") == 3
    seamark("promote", "1.0.0", "--to", "uat", "--reason", "tested")
    capsys.readouterr()
    seamark("promotions", "show")
    shown = capsys.readouterr().out
    for words in ("tested", "by ada", "Metrics", "jaccard", "not there: its experiment recorded no tests"):
        assert words in shown
    seamark("stages", "list")
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[2:]] == [
        ["dev", "1.2.0"],
        ["uat", "-"],
        ["prod", "-"],
    ]
    seamark("stages", "show", "dev")
    assert "1.0.0 → 1.1.0 → 1.2.0" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_the_whole_evidence_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    asked = read(capsys, "promote", "1.0.0", "--to", "uat")
    seamark("promotions", "show", "--evidence")
    assert json.loads(capsys.readouterr().out)["version"] == asked["version"]


def test_nobody_who_is_not_signed_in_changes_anything(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "nobody.json"))
    for arguments in (["promote", "1.0.0", "--to", "uat"], ["rollback", "--stage", "dev"]):
        with pytest.raises(SeamarkError) as raised:
            seamark(*arguments)
        assert raised.value.exit_code == ExitCode.NOT_ALLOWED
    with open_workspace(folder) as workspace:
        assert workspace.store.list("promotions") == []
