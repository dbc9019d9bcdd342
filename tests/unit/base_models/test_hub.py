from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seamark.base_models import BaseModel, fetch_base_model, verify_base_model
from seamark.base_models.sources import HubSource
from seamark.errors import WeightsError
from seamark.settings import Settings

WEIGHTS = "/owner/tiny/resolve/main/model.safetensors"


def _fetch(model: BaseModel, settings: Settings, web: Any, **options: Any) -> Path:
    return fetch_base_model(model, settings, sources=[HubSource(web.address)], **options)


def test_every_file_comes_from_the_hub(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    told: list[tuple[str, int, int]] = []
    folder = _fetch(tiny, settings, web, progress=lambda *report: told.append(report))
    assert {name: (folder / name).read_bytes() for name in content} == content
    size = len(content["model.safetensors"])
    assert told[-1] == ("model.safetensors", size, size)


def test_the_address_comes_from_the_environment(
    tiny: BaseModel,
    settings: Settings,
    content: dict[str, bytes],
    web: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web.publish("owner/tiny", content)
    monkeypatch.setenv("HF_ENDPOINT", f"{web.address}/")
    fetch_base_model(tiny, settings, sources=[HubSource()])
    assert verify_base_model(tiny, settings).ok


def test_a_connection_cut_in_the_middle_goes_on_where_it_stopped(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    web.cuts[WEIGHTS] = [100_000, 50_000]
    folder = _fetch(tiny, settings, web)
    assert (folder / "model.safetensors").read_bytes() == content["model.safetensors"]
    ranges = [wanted for path, wanted in web.asked if path == WEIGHTS]
    assert ranges == ["", "bytes=100000-", "bytes=150000-"]


def test_a_second_command_goes_on_where_the_first_gave_up(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    web.cuts[WEIGHTS] = [100_000, 0]
    with pytest.raises(WeightsError, match="hub: http"):
        _fetch(tiny, settings, web)
    web.asked.clear()
    _fetch(tiny, settings, web)
    assert web.asked == [(WEIGHTS, "bytes=100000-")]
    assert verify_base_model(tiny, settings).ok


def test_a_connection_that_keeps_breaking_ends_in_an_error(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    web.cuts[WEIGHTS] = [1000] * 10
    with pytest.raises(WeightsError, match="RemoteProtocolError"):
        _fetch(tiny, settings, web)
    assert len([path for path, _ in web.asked if path == WEIGHTS]) == 4


def test_a_server_without_ranges_starts_from_the_beginning(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    web.ranges = False
    web.cuts[WEIGHTS] = [100_000]
    _fetch(tiny, settings, web)
    assert verify_base_model(tiny, settings).ok


@pytest.mark.parametrize("left", [b"not these bytes at all", bytes(400_000)], ids=["shorter", "longer"])
def test_bytes_left_of_another_file_are_not_built_upon(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any, left: bytes
) -> None:
    web.publish("owner/tiny", content)
    part = settings.home / "base_models" / "tiny" / ".fetching" / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    _fetch(tiny, settings, web)
    assert verify_base_model(tiny, settings).ok


def test_a_part_that_is_whole_already_is_accepted(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", content)
    part = settings.home / "base_models" / "tiny" / ".fetching" / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content["model.safetensors"])
    _fetch(tiny, settings, web)
    assert [wanted for path, wanted in web.asked if path == WEIGHTS] == ["bytes=307200-"]


def test_a_wrong_digest_is_refused(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any
) -> None:
    web.publish("owner/tiny", {**content, "model.safetensors": b"other weights"})
    found = hashlib.sha256(b"other weights").hexdigest()
    with pytest.raises(WeightsError, match=f"model.safetensors has sha256 {found}"):
        _fetch(tiny, settings, web)
    assert len([path for path, _ in web.asked if path == WEIGHTS]) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "without signing in"),
        (403, "without signing in"),
        (404, r"not there \(404\)"),
        (500, "answered 500"),
    ],
)
def test_a_refusal_is_told_in_words(
    tiny: BaseModel, settings: Settings, content: dict[str, bytes], web: Any, code: int, reason: str
) -> None:
    web.publish("owner/tiny", content)
    web.codes[WEIGHTS] = code
    with pytest.raises(WeightsError, match=reason):
        _fetch(tiny, settings, web)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "not an address", "http://[", "ftp://127.0.0.1"])
def test_a_hub_that_can_not_be_reached_is_an_error_with_its_address(
    tiny: BaseModel, settings: Settings, address: str
) -> None:
    with pytest.raises(WeightsError, match="hub: ") as caught:
        fetch_base_model(tiny, settings, sources=[HubSource(address)])
    assert address in str(caught.value)


def test_a_model_that_is_not_on_the_hub_says_so(tiny: BaseModel, settings: Settings, web: Any) -> None:
    with pytest.raises(WeightsError, match="not on the model hub"):
        _fetch(replace(tiny, hub_repo=""), settings, web)


def test_an_optional_file_may_be_missing(unknown: BaseModel, settings: Settings, web: Any) -> None:
    web.publish("owner/unknown", {"config.json": b"{}", "model.safetensors": b"weights"})
    folder = _fetch(unknown, settings, web)
    assert not (folder / "vocab.txt").exists()
    assert verify_base_model(unknown, settings).ok


def test_the_older_format_does_where_there_is_no_other(
    unknown: BaseModel, settings: Settings, web: Any
) -> None:
    web.publish("owner/unknown", {"config.json": b"{}", "pytorch_model.bin": b"weights"})
    folder = _fetch(unknown, settings, web)
    assert (folder / "pytorch_model.bin").read_bytes() == b"weights"
    assert verify_base_model(unknown, settings).ok


@pytest.mark.parametrize("promised", ["right", "wrong"])
def test_the_digest_that_the_hub_sends_with_its_redirect_is_checked(
    unknown: BaseModel, settings: Settings, web: Any, promised: str
) -> None:
    web.publish("owner/unknown", {"config.json": b"{}"})
    web.files["/store/weights"] = b"weights"
    web.headers["/store/weights"] = {"ETag": f'"{"a" * 64}"'}  # the file store's own means something else
    digest = hashlib.sha256(b"weights" if promised == "right" else b"other").hexdigest()
    web.moved["/owner/unknown/resolve/main/model.safetensors"] = (
        "/store/weights",
        {"X-Linked-Etag": f'"{digest}"'},
    )
    if promised == "right":
        assert (_fetch(unknown, settings, web) / "model.safetensors").read_bytes() == b"weights"
    else:
        with pytest.raises(WeightsError, match=digest):
            _fetch(unknown, settings, web)


def test_an_etag_that_is_no_sha256_promises_nothing(unknown: BaseModel, settings: Settings, web: Any) -> None:
    web.publish("owner/unknown", {"config.json": b"{}", "model.safetensors": b"weights"})
    web.headers["/owner/unknown/resolve/main/config.json"] = {"ETag": f'"{"b" * 40}"'}
    _fetch(unknown, settings, web)
    assert verify_base_model(unknown, settings).ok
