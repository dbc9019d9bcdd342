"""The model card of a version: Markdown in the shape of the model hub's cards, made from the manifest alone.

The card lies in the bundle and is written before the version has its number, so it does not need one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seamark.base_models import BaseModel, find_base_model
from seamark.errors import UsageError
from seamark.registry.comparing import flatten

_SLICES = "slices"
_UNMEASURED = "not measured"

_ABOUT = """It reads job postings and course descriptions in English and names the skills of one taxonomy release
that they call for, each with a calibrated confidence (0-1) and the places in the text that speak for it."""

_USE = """Meant for matching postings and courses with skills, for statistics over many of them, and as a first
suggestion that a person confirms.

Not meant for decisions about people: it says what a text asks for, never what a person can do. It should not
be the only ground on which an application is accepted or turned down."""

_LIMITS = """- It knows the skills of its taxonomy release and no others; a skill that is new in the world is found
  only once a release has it.
- It was made for English. Text in other languages gives poor results without a warning.
- A confidence is calibrated on material like the training data; on other kinds of text it can be off.
- A figure above is an estimate from a limited number of documents; small differences may be chance."""


def render_model_card(manifest: Mapping[str, Any]) -> str:
    """The model card as Markdown.

    Args:
        manifest: a bundle's; ``version`` may be empty. Parts that are missing are said to be missing.
    """
    sections = (
        ("", _describe(manifest)),
        ("Intended use", [_USE]),
        ("Training data", _describe_data(manifest)),
        ("Metrics", _describe_metrics(manifest)),
        ("Metrics by slice", _describe_slices(manifest)),
        ("Limitations", [_LIMITS]),
        ("Base model and licences", _describe_base(manifest)),
        ("How to make it again", _describe_recipe(manifest)),
        ("Environment", _describe_environment(manifest)),
    )
    parts = [f"## {title}\n\n" + "\n".join(lines) if title else "\n".join(lines) for title, lines in sections]
    return "\n\n".join((_render_header(manifest), *parts)) + "\n"


def _render_header(manifest: Mapping[str, Any]) -> str:
    base = _find_base(manifest)
    facts = [
        "---",
        "language: en",
        "library_name: seamark",
        f"license: {base.licence.lower() if base and base.licence else 'other'}",
        *([f"base_model: {base.hub_repo or base.name}"] if base else []),
        "tags:\n- skills\n- job-postings\n- feature-extraction",
        "---",
    ]
    return "\n".join(facts)


def _describe(manifest: Mapping[str, Any]) -> list[str]:
    taxonomy, version = manifest.get("taxonomy") or {}, manifest.get("version") or ""
    title = f"# Seamark model {version}" if version else f"# Seamark model for {_name_taxonomy(taxonomy)}"
    lineage = manifest.get("lineage") or {}
    facts = [
        ("version", version or "the number stands in manifest.json, beside this card"),
        ("taxonomy", f"{_name_taxonomy(taxonomy)}, {_show(taxonomy.get('skills'))} skills"),
        ("made from", lineage.get("parent") or "the base model"),
        ("experiment", lineage.get("experiment")),
        ("started by", lineage.get("trigger")),
        ("made at", manifest.get("created_at")),
    ]
    return [title, "", _ABOUT, "", *_render_table(("what", "value"), facts)]


def _describe_data(manifest: Mapping[str, Any]) -> list[str]:
    taxonomy, data = manifest.get("taxonomy") or {}, manifest.get("data") or {}
    release = f"release {_name_taxonomy(taxonomy)}, SHA-256 `{_show(taxonomy.get('digest'))}`"
    if not data:
        return [
            "No labelled examples: the weights are those of the base model.",
            "",
            f"- Taxonomy: {release}",
        ]
    # Whatever else is known of the data (documents on each side, the split generation) is told as it stands.
    known = {name: value for name, value in flatten(data).items() if not name.startswith("data_")}
    return [
        "Labelled documents, split by a stable hash so that no document is on two sides.",
        "",
        f"- Data version: {_show(data.get('data_version'))}, SHA-256 `{_show(data.get('data_checksum'))}`",
        *(f"- {name}: {_show(value)}" for name, value in known.items()),
        f"- Taxonomy: {release}",
    ]


def _describe_metrics(manifest: Mapping[str, Any]) -> list[str]:
    metrics = {name: value for name, value in (manifest.get("metrics") or {}).items() if name != _SLICES}
    if not metrics:
        return ["Not measured: there was no labelled test data."]
    rows = [(name, _show_figure(value)) for name, value in flatten(metrics).items()]
    return _render_table(("metric", "value"), rows)


def _describe_slices(manifest: Mapping[str, Any]) -> list[str]:
    slices = (manifest.get("metrics") or {}).get(_SLICES) or {}
    rows = []
    for name, value in flatten(slices).items():
        where, _, measure = name.rpartition(".")
        rows.append((where, measure, _show_figure(value)))
    return _render_table(("slice", "metric", "value"), rows) if rows else ["Not measured by slice."]


def _describe_base(manifest: Mapping[str, Any]) -> list[str]:
    encoder, base = (manifest.get("recipe") or {}).get("encoder") or {}, _find_base(manifest)
    licence = base.licence if base and base.licence else "not known to Seamark: ask whoever publishes it"
    return [
        f"- Base model: {_show(encoder.get('base_model'))}, SHA-256 `{_show(encoder.get('base_sha256'))}`",
        f"- Licence of the base model: {licence}",
        "- Licence of the taxonomy and of the labelled examples: those of whoever publishes them",
        "- Seamark itself: Apache-2.0",
    ]


def _describe_recipe(manifest: Mapping[str, Any]) -> list[str]:
    weights = {f"SHA-256 of {name}": value for name, value in (manifest.get("weights") or {}).items()}
    lineage = manifest.get("lineage") or {}
    commit = f"commit `{_show(lineage.get('code_commit'))}`"
    return [
        f"From {commit}, the data and the base model named above, with the packages below:",
        "",
        *_render_table(
            ("setting", "value"), [*flatten(manifest.get("recipe") or {}).items(), *weights.items()]
        ),
    ]


def _describe_environment(manifest: Mapping[str, Any]) -> list[str]:
    packages = (manifest.get("lineage") or {}).get("packages") or {}
    if not packages:
        return ["Not recorded."]
    return _render_table(("package", "version"), sorted(packages.items()))


def _find_base(manifest: Mapping[str, Any]) -> BaseModel | None:
    name = ((manifest.get("recipe") or {}).get("encoder") or {}).get("base_model") or ""
    try:
        return find_base_model(name)
    except UsageError:  # a folder, or a model that Seamark does not know by name
        return None


def _name_taxonomy(taxonomy: Mapping[str, Any]) -> str:
    return (
        f"{taxonomy['name']}@{taxonomy.get('number', '')}" if taxonomy.get("name") else "an unknown taxonomy"
    )


def _render_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *([_show(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _show_figure(value: Any) -> str:
    return _UNMEASURED if value is None else _show(value)


def _show(value: Any) -> str:
    """``value`` on one line, safe in a table's cell."""
    if value is None or value == "":
        return "not recorded" if value is None else "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
