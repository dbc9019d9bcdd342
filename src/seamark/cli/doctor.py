"""`seamark doctor`: is everything here that Seamark needs, and is it whole?"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from seamark.settings import Settings

Outcome = Literal["ok", "warn", "fail"]

_GIGABYTE = 1e9
_ROOM_WANTED = 1.0  # GB: both base models and the cached embeddings of a large taxonomy
_ROOM_NEEDED = 0.2  # GB: MiniLM alone
_PURPOSES = {
    "train": "training and Hugging Face token classifiers",
    "server": "the service",
    "scale": "Ray",
    "dev": "development",
}
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*])?\s*(?:>=\s*(?P<least>[\d.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")


@dataclass(frozen=True, slots=True)
class Check:
    """What one examination found.

    Attributes:
        name: what was examined.
        status: ``ok``; ``warn`` (works, though not at its best); ``fail``.
        found: what is there.
        hint: what to do about it; empty where nothing needs doing.
    """

    name: str
    status: Outcome
    found: str
    hint: str = ""


def register(app: typer.Typer) -> None:
    """Add `seamark doctor` to ``app``."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
) -> None:
    """Check that everything Seamark needs is here and whole, and the workspace; fail where it is not.

    The workspace is the one that other commands would work on here: its database, object store, audit trail,
    stages, servers, spool and runs.
    """
    from seamark.cli.output import print_json, print_table
    from seamark.errors import ExitCode
    from seamark.settings import read_settings

    checks = [*run_checks(read_settings()), *_check_workspace()]
    healthy = all(check.status != "fail" for check in checks)
    if as_json:
        print_json({"healthy": healthy, "checks": [asdict(check) for check in checks]})
    else:
        rows = [(check.name, check.status, check.found, check.hint) for check in checks]
        print_table("", ("check", "status", "found", "try"), rows)
    if not healthy:
        raise typer.Exit(ExitCode.FAILED)


def run_checks(settings: Settings) -> list[Check]:
    """Every examination's outcome, in the order in which a person would mend them."""
    examinations: list[tuple[str, Callable[[], Check]]] = [
        ("python", check_python),
        ("packages", check_packages),
        ("engine", check_engine),
        ("home", lambda: check_home(settings.home)),
        ("base model", lambda: check_base_model(settings)),
        ("adapters", check_adapters),
        ("starter taxonomy", check_starter_taxonomy),
    ]
    checks = [examine(name, examination) for name, examination in examinations]
    return [*checks, *(check_extra(extra) for extra in list_extras())]


def examine(name: str, examination: Callable[[], Check]) -> Check:
    """What the examination found; one that breaks is a failed check."""
    from seamark.errors import SeamarkError

    try:
        return examination()
    except SeamarkError as error:
        return Check(name, "fail", error.found, error.hint)
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything; that is the finding
        return Check(name, "fail", f"{type(error).__name__}: {error}", "seamark --verbose doctor")


def _check_workspace() -> list[Check]:
    """What the workspace around here is like; nothing where there is none, or the platform isn't installed."""
    from seamark.cli._workspace import require_server_packages
    from seamark.errors import MissingExtraError

    try:
        require_server_packages("a workspace")
    except MissingExtraError:
        return []
    from seamark.cli._doctor_workspace import check_workspace

    return check_workspace()


def check_python() -> Check:
    """Which Python runs; one that is too old could not have started this."""
    return Check("python", "ok", f"{sys.version.split()[0]} on {sys.platform}, {sys.executable}")


def check_packages() -> Check:
    """Whether every package that predicting needs is installed, and recent enough."""
    found, wrong = _look_up(_list_requirements(extra=""))
    if wrong:
        return Check("packages", "fail", ", ".join(wrong), "pip install --upgrade seamark")
    return Check("packages", "ok", ", ".join(found))


def _list_requirements(*, extra: str) -> list[str]:
    import importlib.metadata

    every = importlib.metadata.requires("seamark") or []
    return [line for line in every if _name_extra(line) == extra]


def _name_extra(requirement: str) -> str:
    match = _EXTRA.search(requirement)
    return match["extra"] if match else ""


def _look_up(requirements: list[str]) -> tuple[list[str], list[str]]:
    """What is installed, as "name version", and what is missing or too old."""
    import importlib.metadata

    found, wrong = [], []
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        assert match
        name, least = match["name"], match["least"] or "0"
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed")
            continue
        if _read_version(version) < _read_version(least):
            wrong.append(f"{name} {version} is older than {least}")
        found.append(f"{name} {version}")
    return found, wrong


def _read_version(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without the zeros at its end."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    parts = [int(part) for part in numbers.group().split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def check_engine() -> Check:
    """Whether OpenVINO loads, and in which precision this processor multiplies."""
    from seamark.extraction.engines import import_openvino

    core = import_openvino().Core()
    abilities = list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    name = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
    flags = _read_cpu_flags(Path("/proc/cpuinfo"))
    told = f"OpenVINO on {name}: {', '.join(['fp32', *_name_precisions(abilities, flags)])}"
    if "BF16" in abilities:
        return Check("engine", "ok", told)
    return Check(
        "engine", "warn", told, "a processor with bf16 (AVX512-BF16 or AMX) is about three times as fast"
    )


def _name_precisions(abilities: list[str], flags: set[str]) -> list[str]:
    units = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags]
    bf16 = f"bf16 ({', '.join(units)})" if units else "bf16"
    return ([bf16] if "BF16" in abilities else []) + (["int8"] if "INT8" in abilities else [])


def _read_cpu_flags(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def check_home(home: Path) -> Check:
    """Whether the home folder may be written to, and how much room its disk has."""
    import shutil

    there = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    hint = "set SEAMARK_HOME to a folder that may be written to"
    if not there.is_dir() or not _can_write(there):
        return Check("home", "fail", f"{home} can't be written to", hint)
    free = shutil.disk_usage(there).free / _GIGABYTE
    found = f"{home}, {free:.1f} GB free"
    if free < _ROOM_NEEDED:
        return Check("home", "fail", found, f"make {_ROOM_NEEDED} GB of room, or set SEAMARK_HOME")
    if free < _ROOM_WANTED:
        return Check("home", "warn", found, f"make {_ROOM_WANTED} GB of room, or set SEAMARK_HOME")
    return Check("home", "ok", found)


def _can_write(folder: Path) -> bool:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_base_model(settings: Settings) -> Check:
    """Whether the default base model is here, with the digests that it must have."""
    from seamark.base_models import DEFAULT_BASE_MODEL, verify_base_model

    report = verify_base_model(DEFAULT_BASE_MODEL, settings)
    hint = f"seamark base-model fetch {report.name}"
    if report.ok:
        return Check("base model", "ok", f"{report.name}, verified, in {report.folder}")
    if all(file.status == "missing" for file in report.files) and not settings.offline:
        return Check("base model", "warn", f"{report.name} is not here yet; first use fetches it", hint)
    wrong = ", ".join(f"{file.path} is {file.status}" for file in report.files if not file.ok)
    return Check("base model", "fail", f"{report.name} in {report.folder}: {wrong}", hint)


def find_adapters() -> Path:
    """The folder of the adapters that ship in the package."""
    import seamark

    return Path(seamark.__file__).parent / "extraction" / "weights"


def check_adapters(folder: Path | None = None) -> Check:
    """Whether the shipped adapters are here and have the digests that their manifests name."""
    folder = find_adapters() if folder is None else folder
    hint = "pip install --force-reinstall --no-deps seamark"
    adapters = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    adapters = [path for path in adapters if not path.name.startswith(("_", "."))]
    if not adapters:
        return Check("adapters", "fail", f"{folder} holds no adapter", hint)
    wrong = [problem for adapter in adapters for problem in _check_adapter(adapter)]
    if wrong:
        return Check("adapters", "fail", "; ".join(wrong), hint)
    return Check("adapters", "ok", ", ".join(adapter.name for adapter in adapters))


def _check_adapter(adapter: Path) -> list[str]:
    """What is wrong with the adapter in this folder."""
    import json

    try:
        manifest = json.loads((adapter / "manifest.json").read_text(encoding="utf-8"))
        files = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"{adapter.name} has no readable manifest.json ({type(error).__name__})"]
    if not files:
        return [f"{adapter.name}'s manifest.json names no file"]
    problems = (_check_digest(adapter / name, sha256) for name, sha256 in files.items())
    return [problem for problem in problems if problem]


def _check_digest(path: Path, expected: str) -> str:
    import hashlib

    name = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        return f"{name} is missing"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == expected else f"{name} has sha256 {found}, not {expected}"


def check_starter_taxonomy() -> Check:
    """Whether the taxonomy that ships in the package loads."""
    from seamark import Taxonomy

    taxonomy = Taxonomy.load("starter")
    return Check("starter taxonomy", "ok", f"{len(taxonomy.skills)} skills")


def list_extras() -> list[str]:
    """The optional extras that ask for packages, in alphabetical order."""
    import importlib.metadata

    try:
        every = importlib.metadata.requires("seamark") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return sorted({_name_extra(line) for line in every} - {""})


def check_extra(extra: str) -> Check:
    """Whether an optional extra's packages are installed; being without them is no fault."""
    found, wrong = _look_up(_list_requirements(extra=extra))
    name, purpose = f"extra [{extra}]", _PURPOSES.get(extra, extra)
    if not wrong:
        return Check(name, "ok", ", ".join(found))
    told = f"only {purpose} needs it: {', '.join(wrong)}"
    half_there = any("older" in problem for problem in wrong)
    return Check(name, "warn" if half_there else "ok", told, f"pip install 'seamark[{extra}]'")
