"""What every benchmark says about the machine, and where it leaves its figures."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

_BF16_FLAGS = ("amx_bf16", "avx512_bf16")
_PACKAGES = ("seamark", "openvino", "numpy", "tokenizers", "torch")


def find_data() -> Path:
    """The folder of real data: ``SEAMARK_TEST_DATA``, or ``../shared/data`` beside the project."""
    return Path(os.environ.get("SEAMARK_TEST_DATA", ROOT.parent / "shared" / "data"))


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_precision() -> str:
    """What the default engine computes in on this machine: ``bf16`` or ``f32``."""
    from seamark.extraction.engines import import_openvino

    return (
        "bf16"
        if "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        else "f32"
    )


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, matrix instructions and precision of this machine."""
    info = _read_lines(Path("/proc/cpuinfo"))
    flags = info.get("flags", "").split()
    memory = _read_lines(Path("/proc/meminfo")).get("MemTotal", "0 kB").split()[0]
    return {
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "cores": count_cores(),
        "memory_gb": round(int(memory) / 2**20, 1),
        "bf16_instructions": [flag for flag in _BF16_FLAGS if flag in flags],
        "precision": choose_precision(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        # other programs that computed in the last minute make every figure worse
        "load_before": round(os.getloadavg()[0], 2),
    }


def _read_lines(path: Path) -> dict[str, str]:
    """The ``key: value`` lines of a kernel's file, the first of each key; none where it is not there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    return found


def read_versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """The versions of the packages that are installed, and Python's."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def read_peak_memory() -> float:
    """The most memory that this process has held at once, in MB (resident).

    ``VmHWM`` where the kernel tells it: ``ru_maxrss`` also counts what the process that started this
    one held, since it outlives the change of program.
    """
    if peak := _read_lines(Path("/proc/self/status")).get("VmHWM", ""):
        return int(peak.split()[0]) * 1024 / 1e6
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def warn_of_load(machine: Mapping[str, Any]) -> None:
    """Say on stderr that other programs are at work, where they are."""
    if machine["load_before"] > 0.5 * machine["cores"]:
        say(f"note: a load of {machine['load_before']} before the start; the figures will be worse for it")


def say(line: str) -> None:
    """Tell whoever watches how far it is, on stderr."""
    print(line, file=sys.stderr, flush=True)


def round_figures(content: Any) -> Any:
    """``content`` with every number that has a fraction cut to five digits that matter, at any depth."""
    if isinstance(content, float):
        return float(f"{content:.5g}") if abs(content) < 1e5 else round(content)
    if isinstance(content, Mapping):
        return {key: round_figures(value) for key, value in content.items()}
    return [round_figures(value) for value in content] if isinstance(content, list | tuple) else content


def write_result(name: str, content: Mapping[str, Any], *, folder: Path = RESULTS) -> Path:
    """The file ``NAME.json``, written whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    dated = {"benchmark": name, "date": datetime.now(UTC).date().isoformat(), **round_figures(content)}
    handle, made = tempfile.mkstemp(prefix=f"{name}-", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(dated, indent=1, ensure_ascii=False) + "\n")
        Path(made).chmod(0o644)
        return Path(made).replace(folder / f"{name}.json")
    finally:
        Path(made).unlink(missing_ok=True)
