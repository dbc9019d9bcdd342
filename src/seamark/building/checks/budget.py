"""Whether a candidate keeps to its budgets of time and memory."""

from __future__ import annotations

import resource
import sys
from functools import partial
from pathlib import Path

import numpy as np

from seamark.building.champion.timing import measure
from seamark.building.checks.result import CheckResult, conclude
from seamark.building.checks.subject import Subject

LATENCY, MEMORY = "latency", "memory"

_WARM_UP = "We look for someone who is good with people and with numbers."


def check_latency(subject: Subject) -> CheckResult:
    """Whether sample texts, one at a time, take no longer than the budget at the 95th percentile.

    Runs before the other checks: the encoder remembers phrases, and a text that was read before is
    answered faster.
    """
    subject.extractor.extract_many([_WARM_UP])
    durations = [measure(partial(subject.extractor.extract_many, [text])) for text in subject.samples]
    half, most = np.percentile([1000 * duration.seconds for duration in durations], [50, 95])
    clock = np.percentile([1000 * duration.clock for duration in durations], 95)
    waited = f" ({clock:.0f} ms by the clock, with waiting for other work)" if clock > 1.2 * most else ""
    limit = subject.settings.latency_p95_ms
    return conclude(
        LATENCY,
        passed=bool(most <= limit),
        found=f"half of {len(durations)} texts within {half:.0f} ms, 95% within {most:.0f} ms{waited}",
        expected=f"95% within {limit:.0f} ms",
        hint="give it more threads (SEAMARK_THREADS), a smaller encoder or taxonomy, or raise latency_p95_ms",
    )


def check_memory(subject: Subject) -> CheckResult:
    """Whether opening the candidate and running the other checks took no more memory than the budget.

    Runs last. What the process held before the candidate was opened (a training run, say) doesn't count.
    """
    peak, limit = read_peak_mb(), subject.settings.memory_mb
    used = max(peak - subject.opened_mb, 0.0)
    whole = f" (the process had {subject.opened_mb:,.0f} MB before)" if subject.opened_mb else ""
    return conclude(
        MEMORY,
        passed=used <= limit,
        found=f"{used:,.0f} MB at most{whole}",
        expected=f"at most {limit:,.0f} MB",
        hint="shorter batches, a smaller taxonomy or fewer alternative titles need less; or raise memory_mb",
    )


def start_measuring_memory() -> float:
    """MB that this process holds now; from here on :func:`read_peak_mb` says the most that it held since.

    Where the system can't forget an older peak (anything but Linux), that one is given and stands.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is now what is held
    except OSError:
        return read_peak_mb()
    return _read_status("VmRSS") or read_peak_mb()


def read_peak_mb() -> float:
    """The most MB of memory that this process held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return _read_status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _read_status(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    values = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return next((int(value) / 1024 for value in values), None)
