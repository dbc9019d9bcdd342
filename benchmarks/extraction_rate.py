"""Documents a second, peak memory and accuracy of Seamark against ESCO Skill Extractor.

Both read the same postings against the same ESCO, with the same MiniLM weights, in one run: in each round
one works on a slice of the postings while the other waits, then the other on the same slice. Loading,
embedding the skills and a warm-up on other postings are not counted, for either.

``python -m benchmarks.extraction_rate``; docs/reference/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._baseline import (
    BASELINE,
    ensure_environment,
    ensure_skills,
    get_cache_folder,
    read_environment_versions,
)
from benchmarks._machine import (
    describe_machine,
    find_data,
    read_versions,
    say,
    warn_of_load,
    write_result,
)
from benchmarks._tables import cut_rounds, format_table
from benchmarks._texts import read_postings
from benchmarks._worker import Worker
from seamark.taxonomy import Taxonomy

_NAMES = ("ESCO Skill Extractor", "Seamark")
_PAUSE = 0.5
"""Seconds between two turns, in which the threads of the one that worked go to sleep."""

_WARM_UP = 32
"""Postings that both read before the clock starts."""

_THRESHOLDS = tuple(round(0.4 + 0.05 * step, 2) for step in range(10))
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}


@dataclass(frozen=True, slots=True)
class GoldSet:
    """Sentences with the skills that they name.

    Attributes:
        name: of the set.
        sentences: the sentences.
        gold: the ids of each one's skills.
        aliases: for each, ids that stand for the same label → the one in ``gold``.
    """

    name: str
    sentences: list[str]
    gold: list[frozenset[str]]
    aliases: list[dict[str, str]] = field(repr=False)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write ``results/extraction_rate.json``."""
    options = _parse(argv)
    machine = describe_machine()
    warn_of_load(machine)
    taxonomy = Taxonomy.load(options.taxonomy)
    python = ensure_environment(options.baseline_env or get_cache_folder() / "baseline-env")
    commands = _make_commands(options, python, taxonomy)
    figures = _measure(options, commands, taxonomy)
    _print(figures)
    path = write_result(
        "extraction_rate",
        {
            "machine": machine,
            "versions": {"seamark": read_versions(), "baseline": read_environment_versions(python)},
            "settings": {
                "postings": options.postings.name,
                "taxonomy": options.taxonomy.name,
                "skills": len(taxonomy.active),
                "model": options.model,
                "baseline": BASELINE,
                "baseline_documents_a_call": options.baseline_call,
            },
            **figures,
        },
    )
    say(f"written: {path}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    data = find_data()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction_rate", description=__doc__)
    parser.add_argument("--postings", type=Path, default=data / "postings" / "indeed_sg.csv")
    parser.add_argument("--warm-up", type=Path, default=data / "postings" / "data_roles.csv")
    parser.add_argument("--text-column", default="description")
    parser.add_argument("--taxonomy", type=Path, default=data / "esco" / "v1.1.0" / "skills_en.csv")
    parser.add_argument("--limit", type=int, default=0, help="the first so many postings (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="slices that the postings are cut into (default: 5)"
    )
    parser.add_argument("--model", default="default", help="Seamark's model (default: default)")
    parser.add_argument(
        "--baseline-call",
        type=int,
        default=128,
        help="documents in a call of the baseline, whose memory grows with them; 0: all (default: 128)",
    )
    parser.add_argument(
        "--baseline-env", type=Path, help="where the baseline's environment is, or is to be made"
    )
    parser.add_argument(
        "--gold", action=argparse.BooleanOptionalAction, default=True, help="measure accuracy too"
    )
    parser.add_argument("--gold-folder", type=Path, default=data / "gold_validation")
    parser.add_argument(
        "--known-folder", type=Path, default=data / "skillspan", help="gold sentences in it are left out"
    )
    return parser.parse_args(argv)


def _make_commands(options: argparse.Namespace, python: Path, taxonomy: Taxonomy) -> dict[str, list[str]]:
    from seamark.base_models import ensure_base_model
    from seamark.settings import read_settings

    minilm = ensure_base_model("all-MiniLM-L6-v2", read_settings())
    skills = ensure_skills(taxonomy, get_cache_folder())
    call_size = str(options.baseline_call)
    baseline, seamark = _NAMES
    return {
        baseline: [str(python), "-m", "benchmarks._baseline_worker", str(skills), str(minilm), call_size],
        seamark: [
            sys.executable,
            "-m",
            "benchmarks._seamark_worker",
            str(options.taxonomy.resolve()),
            options.model,
        ],
    }


def _measure(
    options: argparse.Namespace, commands: dict[str, list[str]], taxonomy: Taxonomy
) -> dict[str, Any]:
    texts = read_postings(options.postings, column=options.text_column, limit=options.limit)
    n_warm_up = min(_WARM_UP, len(texts))
    warm_up = read_postings(options.warm_up, column=options.text_column, limit=n_warm_up)
    for name, command in commands.items():
        say(f"{name}: preparing (embeds the skills where that was not done before)")
        # in a process of its own: what preparing takes must not count as memory of predicting
        with Worker(command, env=_OFFLINE):
            pass
    baseline, seamark = _NAMES
    with (
        Worker(commands[baseline], env=_OFFLINE) as theirs,
        Worker(commands[seamark], env=_OFFLINE) as ours,
    ):
        workers = {baseline: theirs, seamark: ours}
        for worker in workers.values():
            worker.extract(warm_up)
        rounds = _run_rounds(workers, texts, options.rounds)
        figures = _summarise(workers, rounds, len(texts))
        if options.gold:
            figures["accuracy"] = _measure_accuracy(workers, _read_gold(options, taxonomy))
    return figures


def _run_rounds(workers: dict[str, Worker], texts: Sequence[str], n_rounds: int) -> list[dict[str, Any]]:
    rounds = []
    for number, part in enumerate(cut_rounds(texts, n_rounds)):
        turns = list(workers) if number % 2 == 0 else list(workers)[::-1]
        done: dict[str, Any] = {"documents": len(part)}
        for name in turns:
            time.sleep(_PAUSE)
            done[name] = workers[name].extract(part)
            say(f"round {number + 1}: {name}: {len(part) / done[name]['seconds']:.1f} documents a second")
        rounds.append(done)
    return rounds


def _summarise(workers: dict[str, Worker], rounds: Sequence[dict[str, Any]], n_texts: int) -> dict[str, Any]:
    sides = {}
    for name, worker in workers.items():
        seconds = sum(done[name]["seconds"] for done in rounds)
        sides[name] = {
            "documents": n_texts,
            "seconds": seconds,
            "documents_a_second": n_texts / seconds,
            "peak_memory_mb": rounds[-1][name]["memory_mb"],
            "memory_loaded_mb": worker.loaded["memory_mb"],
            "load_seconds": worker.loaded["load_seconds"],
            "skills_a_document": sum(done[name]["skills"] for done in rounds) / n_texts,
        }
    baseline, seamark = _NAMES
    ratios = [done[baseline]["seconds"] / done[seamark]["seconds"] for done in rounds]
    return {
        "figures": sides,
        "rounds": list(rounds),
        "ratio": sides[seamark]["documents_a_second"] / sides[baseline]["documents_a_second"],
        "ratio_lowest_round": min(ratios),
        "ratio_highest_round": max(ratios),
        "memory_ratio": sides[seamark]["peak_memory_mb"] / sides[baseline]["peak_memory_mb"],
    }


def _read_gold(options: argparse.Namespace, taxonomy: Taxonomy) -> list[GoldSet]:
    from seamark.building.evaluation import read_known_sentences, read_linking_gold
    from seamark.building.evaluation.labels import LabelResolver
    from seamark.building.evaluation.linking import make_linking_queries

    known = read_known_sentences(sorted(options.known_folder.glob("*.json")))
    resolver = LabelResolver(taxonomy.active)
    sets = []
    for path in sorted(options.gold_folder.glob("*.csv")):
        queries = make_linking_queries(read_linking_gold(path), resolver, known=known).queries
        if not queries:
            say(f"{path.name}: no sentence with a skill of this taxonomy, left out")
            continue
        sets.append(
            GoldSet(
                path.stem.split("_")[0].upper(),
                [query.sentence for query in queries],
                [query.gold for query in queries],
                [query.aliases for query in queries],
            )
        )
    return sets


def _measure_accuracy(workers: dict[str, Worker], sets: Sequence[GoldSet]) -> list[dict[str, Any]]:
    baseline, seamark = _NAMES
    rows: list[dict[str, Any]] = []
    for gold in sets:
        for name in (baseline, seamark):
            scores = _score(workers[name], gold, None)
            rows.append({"set": gold.name, "who": name, "threshold": "its own", **scores})
        # in the baseline's favour: the threshold that is best for it, chosen on these very sentences
        tried = {level: _score(workers[baseline], gold, level) for level in _THRESHOLDS}
        best = max(tried, key=lambda level: float(tried[level]["f1"]))
        rows.append({"set": gold.name, "who": baseline, "threshold": f"best: {best}", **tried[best]})
    return rows


def _score(worker: Worker, gold: GoldSet, threshold: float | None) -> dict[str, float]:
    from seamark.building.evaluation.metrics import score_micro

    found = worker.extract(gold.sentences, threshold=threshold, ids=True)["ids"]
    folded = [
        {aliases.get(skill_id, skill_id) for skill_id in ids}
        for ids, aliases in zip(found, gold.aliases, strict=True)
    ]
    micro = score_micro(zip(folded, gold.gold, strict=True))
    return {
        "sentences": len(gold.sentences),
        "precision": micro.precision,
        "recall": micro.recall,
        "f1": micro.f1,
    }


def _print(figures: dict[str, Any]) -> None:
    sides = figures["figures"]
    rows = [
        [
            name,
            side["documents"],
            side["documents_a_second"],
            side["peak_memory_mb"],
            side["load_seconds"],
            side["skills_a_document"],
        ]
        for name, side in sides.items()
    ]
    headers = ["", "documents", "documents/s", "peak MB", "load s", "skills/document"]
    print(format_table(headers, rows, title="Extraction"))
    print(
        f"\nSeamark does {figures['ratio']:.1f} times the documents a second"
        f" (rounds: {figures['ratio_lowest_round']:.1f} to {figures['ratio_highest_round']:.1f})"
        f" in {figures['memory_ratio']:.2f} times the memory"
    )
    if "accuracy" in figures:
        keys = ("set", "who", "threshold", "sentences", "precision", "recall", "f1")
        scored = [[row[key] for key in keys] for row in figures["accuracy"]]
        print("\n" + format_table(keys, scored, title="Accuracy, sentence level, micro-averaged"))


if __name__ == "__main__":
    main()
