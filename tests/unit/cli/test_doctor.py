from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from seamark.cli import doctor
from seamark.cli.doctor import Check
from seamark.errors import ExitCode, WeightsError
from seamark.settings import Settings


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    doctor.register(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["doctor", *arguments])


def _find(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_every_part_is_examined_in_order(tmp_path: Path) -> None:
    names = [check.name for check in doctor.run_checks(Settings(home=tmp_path))]
    assert names[:7] == ["python", "packages", "engine", "home", "base model", "adapters", "starter taxonomy"]
    assert "extra [train]" in names


def test_this_installation_has_its_packages_and_engine(tmp_path: Path) -> None:
    checks = doctor.run_checks(Settings(home=tmp_path))
    assert _find(checks, "packages").status == "ok"
    assert "openvino" in _find(checks, "packages").found
    assert "OpenVINO on" in _find(checks, "engine").found


@pytest.mark.parametrize(("worst", "code"), [("ok", 0), ("warn", 0), ("fail", ExitCode.FAILED)])
def test_only_a_failed_check_fails_the_command(
    worst: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("one", "ok", "fine"), Check("two", worst, "[bold]so so", "mend it")]
    monkeypatch.setattr(doctor, "run_checks", lambda _settings: checks)
    result = _run("--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["healthy"] is (code == 0)
    assert json.loads(result.stdout)["checks"][1]["hint"] == "mend it"
    table = _run()
    assert table.exit_code == code
    assert "[bold]so so" in table.stdout


@pytest.mark.parametrize(
    ("error", "found", "hint"),
    [
        (WeightsError("no weights", hint="fetch them"), "no weights", "fetch them"),
        (RuntimeError("broken wheel"), "RuntimeError: broken wheel", "seamark --verbose doctor"),
    ],
)
def test_an_examination_that_breaks_is_a_failed_check(error: Exception, found: str, hint: str) -> None:
    def examine() -> Check:
        raise error

    assert doctor.examine("thing", examine) == Check("thing", "fail", found, hint)


@pytest.mark.parametrize(
    ("requirements", "versions", "wrong"),
    [
        (["numpy>=2.2"], {"numpy": "2.2"}, []),
        (["numpy>=2.2"], {"numpy": "2.2.0"}, []),
        (["numpy>=2.2.0"], {"numpy": "2.2"}, []),
        (["numpy>=2.2"], {"numpy": "2.10.1"}, []),
        (["numpy>=2.2"], {"numpy": "2.1.9"}, ["numpy 2.1.9 is older than 2.2"]),
        (["torch>=2.13"], {"torch": "2.13.0+cpu"}, []),
        (["pandera[polars]>=0.35"], {"pandera": "0.34"}, ["pandera 0.34 is older than 0.35"]),
        (["rich"], {"rich": "0.1"}, []),
        (["rich"], {}, ["rich is not installed"]),
        ([], {}, []),
    ],
)
def test_packages_are_compared_with_what_is_asked_for(
    requirements: list[str], versions: dict[str, str], wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", look_up)
    assert doctor._look_up(requirements)[1] == wrong


def test_a_missing_package_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: ["no-such-package>=1"])
    assert doctor.check_packages().status == "fail"
    assert "no-such-package is not installed" in doctor.check_packages().found


def test_extras_are_told_apart_from_core_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=2.2", "no-such-package>=1; extra == 'train'", 'rich>=1; extra == "dev"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: lines)
    assert doctor.list_extras() == ["dev", "train"]
    assert doctor.check_packages().status == "ok"
    train = doctor.check_extra("train")
    assert train.status == "ok"
    assert "only training and Hugging Face token classifiers needs it" in train.found
    assert train.hint == "pip install 'seamark[train]'"
    assert doctor.check_extra("dev").hint == ""


def test_an_outdated_extra_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: ["rich>=9999; extra == 'dev'"])
    assert doctor.check_extra("dev").status == "warn"


@pytest.mark.parametrize(
    ("abilities", "flags", "told"),
    [
        (["BF16", "FP32", "INT8"], {"avx512_bf16", "amx_bf16"}, ["bf16 (avx512_bf16, amx_bf16)", "int8"]),
        (["BF16"], set(), ["bf16"]),
        (["FP32"], {"avx512_bf16"}, []),
    ],
)
def test_precisions_are_named(abilities: list[str], flags: set[str], told: list[str]) -> None:
    assert doctor._name_precisions(abilities, flags) == told


def test_processor_flags_are_read(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu amx_bf16\n\nflags : other\n")
    assert doctor._read_cpu_flags(cpuinfo) == {"fpu", "amx_bf16"}
    assert doctor._read_cpu_flags(tmp_path / "none") == set()


def test_a_home_that_is_not_there_yet_is_fine_and_stays_so(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    assert doctor.check_home(home).status in ("ok", "warn")
    assert not (tmp_path / "a").exists()


def test_a_home_below_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    check = doctor.check_home(tmp_path / "file" / "home")
    assert (check.status, "SEAMARK_HOME" in check.hint) == ("fail", True)


@pytest.mark.parametrize(
    ("free", "status"), [(0, "fail"), (0.19, "fail"), (0.2, "warn"), (0.99, "warn"), (1.0, "ok"), (500, "ok")]
)
def test_little_room_is_told(
    free: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free * 1e9))
    assert doctor.check_home(tmp_path).status == status


def test_a_base_model_that_is_not_here_is_a_warning_and_offline_a_failure(tmp_path: Path) -> None:
    online = doctor.check_base_model(Settings(home=tmp_path))
    assert (online.status, online.hint) == ("warn", "seamark base-model fetch all-MiniLM-L6-v2")
    assert doctor.check_base_model(Settings(home=tmp_path, offline=True)).status == "fail"


def test_a_damaged_base_model_fails(tmp_path: Path) -> None:
    folder = tmp_path / "base_models" / "all-MiniLM-L6-v2"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    check = doctor.check_base_model(Settings(home=tmp_path))
    assert check.status == "fail"
    assert "config.json is damaged" in check.found
    assert "model.safetensors is missing" in check.found


def _write_adapter(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": listed}))
    return folder


def test_whole_adapters_are_named(tmp_path: Path) -> None:
    _write_adapter(tmp_path / "spans", {"heads.safetensors": b"abc"})
    _write_adapter(tmp_path / "encoder", {"a": b"1", "b": b"2"})
    (tmp_path / "__pycache__").mkdir()
    assert doctor.check_adapters(tmp_path) == Check("adapters", "ok", "encoder, spans")


def test_no_adapter_is_a_failure(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        assert doctor.check_adapters(folder).status == "fail"


def test_a_damaged_or_missing_adapter_file_is_named(tmp_path: Path) -> None:
    adapter = _write_adapter(tmp_path / "spans", {"a": b"1", "b": b"2"})
    (adapter / "a").write_bytes(b"other")
    (adapter / "b").unlink()
    check = doctor.check_adapters(tmp_path)
    assert check.status == "fail"
    assert "spans/a has sha256" in check.found
    assert "spans/b is missing" in check.found


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": ["a"]}', '{"files": {"a": {}}}', "{}", '{"files": {}}']
)
def test_a_manifest_that_can_not_be_read_is_a_failure(tmp_path: Path, text: str) -> None:
    (tmp_path / "spans").mkdir()
    (tmp_path / "spans" / "manifest.json").write_text(text)
    check = doctor.check_adapters(tmp_path)
    assert (check.status, "manifest.json" in check.found) == ("fail", True)


def test_the_starter_taxonomy_loads() -> None:
    check = doctor.check_starter_taxonomy()
    assert check.status == "ok"
    assert int(check.found.split()[0]) >= 300
