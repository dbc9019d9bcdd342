"""How long it takes until a taxonomy release with some changed skills is live on DEV.

``python -m benchmarks.skills_update``; docs/reference/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks._machine import (
    ROOT,
    describe_machine,
    find_data,
    read_versions,
    say,
    warn_of_load,
    write_result,
)
from benchmarks._tables import format_table


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table, write ``results/skills_update.json``."""
    options = _parse(argv)
    machine = describe_machine()
    warn_of_load(machine)
    with tempfile.TemporaryDirectory(prefix="seamark-benchmark-") as folder:
        os.environ["SEAMARK_CREDENTIALS"] = str(Path(folder) / "credentials.json")  # not the user's own
        figures = measure_update(Path(folder), options.taxonomy, share=options.share, runs=options.runs)
    print(format_table(["", "figure"], list(_flatten(figures).items()), title="Skills update"))
    settings = {"taxonomy": options.taxonomy.name, "share": options.share, "runs": options.runs}
    result = {"machine": machine, "versions": read_versions(), "settings": settings, "figures": figures}
    say(f"written: {write_result('skills_update', result)}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.skills_update", description=__doc__)
    parser.add_argument("--taxonomy", type=Path, default=find_data() / "esco" / "v1.1.0" / "skills_en.csv")
    parser.add_argument("--share", type=float, default=0.01, help="skills that change (default: 0.01)")
    parser.add_argument("--runs", type=int, default=3, help="updates measured (default: 3)")
    return parser.parse_args(argv)


def measure_update(folder: Path, taxonomy: Path, *, share: float, runs: int) -> dict[str, Any]:
    """Seconds of whole ``seamark`` commands, from start to end; medians and the steps of the last run.

    Args:
        folder: an empty folder.
        taxonomy: the first release.
        share: of its skills that get another title in each update, 0-1.
        runs: how many updates.
    """
    workspace = folder / "workspace"
    _run("init", str(workspace), "--taxonomy", str(taxonomy), "--name", "measured")
    say("building the first version")
    build = _time("build", "--workspace", str(workspace))
    imports, updates, ended = [], [], {}
    for number in range(1, runs + 1):
        release = folder / f"release-{number}.json"
        changed = _write_release(taxonomy, release, share=share, number=number)
        say(f"update {number} of {runs}")
        imports.append(
            _time("taxonomy", "import", str(release), "--name", "measured", "--no-impact",
                  "--workspace", str(workspace))
        )  # fmt: skip
        started = time.perf_counter()
        told = _run("trigger", "skills-update", "--wait", "--json", "--workspace", str(workspace))
        updates.append(time.perf_counter() - started)
        ended = json.loads(told)
    return {
        "skills_changed": changed,
        "first_build_seconds": build,
        "import_seconds": sorted(imports)[len(imports) // 2],
        "update_seconds": sorted(updates)[len(updates) // 2],
        "update_seconds_lowest": min(updates),
        "update_seconds_highest": max(updates),
        "steps": _read_steps(workspace / "runs" / ended["run"] / "log.jsonl"),
        "version": ended["version"],
    }


def _write_release(taxonomy: Path, path: Path, *, share: float, number: int) -> int:
    """Write the taxonomy with other titles for some evenly spread skills; how many they are."""
    from seamark.taxonomy import Taxonomy, write_taxonomy

    read = Taxonomy.load(taxonomy)
    every = max(round(1 / share), 1)
    skills = tuple(
        replace(skill, title=f"{skill.title}, revision {number}") if row % every == 0 else skill
        for row, skill in enumerate(read.skills)
    )
    write_taxonomy(Taxonomy("measured", skills), path)
    return len(range(0, len(skills), every))


def _read_steps(log: Path) -> dict[str, float]:
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return {event["step"]: event["seconds"] for event in events if event["action"] == "step-done"}


def _time(*arguments: str) -> float:
    started = time.perf_counter()
    _run(*arguments)
    return time.perf_counter() - started


def _run(*arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("seamark")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False)
    if done.returncode:
        raise SystemExit(f"seamark {arguments[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def _flatten(figures: dict[str, Any]) -> dict[str, Any]:
    steps = {f"step {name}, seconds": seconds for name, seconds in figures["steps"].items()}
    return {name: value for name, value in figures.items() if name != "steps"} | steps


if __name__ == "__main__":
    main()
