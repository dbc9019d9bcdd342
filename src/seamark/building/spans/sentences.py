"""Sentences with BIO tags, in SkillSpan's format: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seamark.errors import InputError

_TAGS = frozenset(("B", "I", "O"))


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """One annotated sentence.

    Attributes:
        tokens: its words.
        skill_tags: ``B``, ``I`` or ``O`` for each token.
        knowledge_tags: the same for knowledge; None where the material does not annotate it.
    """

    tokens: tuple[str, ...]
    skill_tags: tuple[str, ...]
    knowledge_tags: tuple[str, ...] | None


def read_tagged_sentences(path: Path) -> list[TaggedSentence]:
    """Every sentence of a file.

    Raises:
        InputError: a line is not JSON, lacks a field, or its tags do not fit its tokens; the
            message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}", expected="a JSONL file of tagged sentences") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", expected="a JSONL file of tagged sentences") from error
    sentences = [_parse(line, f"{path.name} line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not sentences:
        raise InputError(f"{path} has no sentence", expected="one JSON object a line")
    return sentences


def _parse(line: str, where: str) -> TaggedSentence:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is not JSON ({error.msg})", expected="one JSON object a line") from error
    if not isinstance(row, dict) or not isinstance(row.get("tokens"), list):
        raise InputError(f"{where} has no list 'tokens'", expected="an object with tokens and tags_skill")
    tokens = tuple(str(token) for token in row["tokens"])
    knowledge = _parse_tags(row, "tags_knowledge", len(tokens), where) if "tags_knowledge" in row else None
    return TaggedSentence(tokens, _parse_tags(row, "tags_skill", len(tokens), where), knowledge)


def _parse_tags(row: dict[str, Any], field: str, n_tokens: int, where: str) -> tuple[str, ...]:
    tags = row.get(field)
    if not isinstance(tags, list) or len(tags) != n_tokens:
        found = f"{len(tags)} tags" if isinstance(tags, list) else "no list"
        raise InputError(f"{where} has {found} in '{field}'", expected=f"{n_tokens}, one for each token")
    if unknown := {str(tag) for tag in tags} - _TAGS:
        raise InputError(f"{where} has the tag {sorted(unknown)[0]!r} in '{field}'", expected="B, I or O")
    return tuple(tags)


def find_runs(tags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The half-open token ranges of the spans in BIO ``tags``; an I after an O begins a span."""
    start = -1
    for i, tag in enumerate((*tags, "O")):
        if start >= 0 and tag != "I":
            yield start, i
            start = -1
        if tag == "B" or (tag == "I" and start < 0):
            start = i
