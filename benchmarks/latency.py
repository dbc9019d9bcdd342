"""How long one posting of 300 words takes, and how long it takes to start.

``python -m benchmarks.latency``; docs/reference/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from benchmarks._machine import (
    ROOT,
    describe_machine,
    find_data,
    read_peak_memory,
    read_versions,
    say,
    warn_of_load,
    write_result,
)
from benchmarks._tables import compute_percentile, format_table
from benchmarks._texts import cut_to_words, read_postings

_FIRST_ANSWER = """
import sys
from seamark import Extractor
Extractor.load(sys.argv[1], sys.argv[2]).extract("You build dashboards in SQL and present them to clients.")
"""
_IMPORT = """
import time
started = time.perf_counter()
{}
print(time.perf_counter() - started)
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write ``results/latency.json``."""
    options = _parse(argv)
    machine = describe_machine()
    warn_of_load(machine)
    warm_up, texts = _read_texts(options)
    latency = measure_latency(options.taxonomy, options.model, warm_up, texts)
    starts = _measure_starts(options)
    _print(latency, starts, options.words)
    result = {
        "machine": machine,
        "versions": read_versions(),
        "settings": {
            "taxonomy": options.taxonomy.name,
            "model": options.model,
            "words": options.words,
            "warm_up": len(warm_up),
        },
        "figures": {"latency": latency, "starts": starts},
    }
    say(f"written: {write_result('latency', result)}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    data = find_data()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument(
        "--postings",
        type=Path,
        nargs="+",
        default=[data / "postings" / name for name in ("indeed_sg.csv", "data_roles.csv")],
    )
    parser.add_argument("--taxonomy", type=Path, default=data / "esco" / "v1.1.0" / "skills_en.csv")
    parser.add_argument("--texts", type=int, default=200, help="texts measured (default: 200)")
    parser.add_argument("--words", type=int, default=300, help="words of each (default: 300)")
    parser.add_argument(
        "--warm-up", type=int, default=100, help="other texts that come before (default: 100)"
    )
    parser.add_argument(
        "--runs", type=int, default=10, help="processes started for each start time (default: 10)"
    )
    parser.add_argument("--model", default="default", help="Seamark's model (default: default)")
    parser.add_argument(
        "--first-start",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure also a start with nothing prepared but the base model's download",
    )
    return parser.parse_args(argv)


def _read_texts(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Texts to warm up with and texts to measure, all of different postings."""
    postings = chain.from_iterable(map(read_postings, options.postings))
    texts = list(islice(cut_to_words(postings, options.words), options.texts + options.warm_up))
    if len(texts) <= options.warm_up:
        raise SystemExit(
            f"{len(texts)} texts of {options.words} words in the postings, expected more than the warm-up"
        )
    return texts[: options.warm_up], texts[options.warm_up :]


def measure_latency(
    taxonomy: Path, model: str, warm_up: Sequence[str], texts: Sequence[str]
) -> dict[str, Any]:
    """Percentiles of the time that one text takes, in milliseconds; each text is asked once.

    Args:
        taxonomy: of the extractor.
        model: of the extractor.
        warm_up: asked before, not counted.
        texts: asked one after the other.
    """
    from seamark.extraction.models import make_extractor

    say("loading the extractor")
    extractor = make_extractor(taxonomy, model=model)
    for text in warm_up:
        extractor.extract(text)
    times, n_skills = [], 0
    for text in texts:
        started = time.perf_counter()
        prediction = extractor.extract(text)
        times.append((time.perf_counter() - started) * 1e3)
        n_skills += len(prediction.skills)
    return {
        "texts": len(texts),
        "p50_ms": compute_percentile(times, 50),
        "p90_ms": compute_percentile(times, 90),
        "p99_ms": compute_percentile(times, 99),
        "longest_ms": max(times),
        "mean_ms": statistics.fmean(times),
        "skills_a_text": n_skills / len(texts),
        "peak_memory_mb": read_peak_memory(),
    }


def _measure_starts(options: argparse.Namespace) -> dict[str, float]:
    """Medians in milliseconds, by what is started."""
    python, command = sys.executable, Path(sys.executable).with_name("seamark")
    say("starting processes")
    answer = [python, "-c", _FIRST_ANSWER, str(options.taxonomy.resolve()), options.model]
    starts = {
        "import seamark": _time_import("import seamark", options.runs),
        "from seamark import Extractor": _time_import("from seamark import Extractor", options.runs),
        "python -c pass": _time_process([python, "-c", "pass"], options.runs),
        "seamark --help": _time_process([str(command), "--help"], options.runs),
        "first answer, all prepared": _time_process(answer, min(options.runs, 3)),
    }
    if options.first_start:
        say("starting with nothing prepared")
        starts["first answer ever, base model there"] = _time_first_start(answer)
    return starts


def _time_import(statement: str, runs: int) -> float:
    """The import alone, without the start of Python."""
    done = [_run([sys.executable, "-c", _IMPORT.format(statement)]) for _ in range(runs)]
    return statistics.median(float(output) for output in done) * 1e3


def _time_process(command: Sequence[str], runs: int, env: Mapping[str, str] | None = None) -> float:
    """The whole process, from start to end."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        _run(command, env)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def _time_first_start(command: Sequence[str]) -> float:
    """With a new home that has the base models alone: graphs and skills' vectors have to be made."""
    from seamark.settings import read_settings

    with tempfile.TemporaryDirectory(prefix="seamark-benchmark-") as home:
        (Path(home) / "base_models").symlink_to(
            read_settings().home / "base_models", target_is_directory=True
        )
        return _time_process(command, 1, {"SEAMARK_HOME": home})


def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **(env or {})}, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def _print(latency: Mapping[str, Any], starts: Mapping[str, float], words: int) -> None:
    keys = ("texts", "p50_ms", "p90_ms", "p99_ms", "longest_ms", "skills_a_text")
    headers = ["", "texts", "p50 ms", "p90 ms", "p99 ms", "longest ms", "skills/text"]
    row = [f"one posting of {words} words", *(latency[key] for key in keys)]
    print(format_table(headers, [row], title="Latency"))
    print("\n" + format_table(["", "ms"], list(starts.items()), title="Starts, medians"))


if __name__ == "__main__":
    main()
