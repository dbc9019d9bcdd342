"""The impact report of a release in a workspace: made with the newest model version, kept beside the release."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seamark.building.evaluation.labels import normalise_sentence
from seamark.building.evaluation.protocols import ProgressListener, ignore_progress
from seamark.building.impact import Impact, ImpactText, measure_impact
from seamark.building.impact_page import render_impact
from seamark.registry.bundles import fetch_bundle
from seamark.registry.releases import list_releases, load_taxonomy
from seamark.storage import examples as example_rows
from seamark.storage.releases import StoredRelease
from seamark.storage.versions import VersionRecord, find_newest_version
from seamark.taxonomy.diff import diff_taxonomies
from seamark.taxonomy.release import parse_number
from seamark.taxonomy.samples import read_samples
from seamark.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seamark.extraction.extractor import Extractor
    from seamark.settings import Settings
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ImpactReport:
    """A stored report.

    Attributes:
        content: as :meth:`seamark.building.impact.Impact.to_dict` makes it.
        page: the same as a web page.
    """

    content: Mapping[str, Any]
    page: str


def make_impact(
    workspace: Workspace, release: StoredRelease, *, on_progress: ProgressListener = ignore_progress
) -> Impact:
    """What ``release`` changes, measured with the newest model version, and stored beside the release.

    The model's own release is compared with this one, on ``taxonomy.impact_texts`` of the labelled
    examples' texts (the package's sample texts where there is none). Without a model version of this
    taxonomy the skills alone are compared, with those of the release before.

    Args:
        workspace: whose.
        release: the release that is looked at.
        on_progress: hears how many texts are done.

    Raises:
        WeightsError: the model version's bundle is damaged.
        StorageError: the report can't be stored.
    """
    after = load_taxonomy(workspace, release.name, release.number)
    model = _find_model(workspace, release.name)
    texts = _choose_texts(workspace, workspace.settings.taxonomy.impact_texts)
    if model is None or not texts:
        impact = _compare_skills(workspace, release, after)
    else:
        impact = _compare_predictions(workspace, model, after, texts, on_progress)
    workspace.store.put_json(_make_key(release, "json"), impact.to_dict())
    workspace.store.put_text(_make_key(release, "html"), render_impact(impact))
    return impact


def load_impact(workspace: Workspace, release: StoredRelease) -> ImpactReport | None:
    """The stored report of a release; None where none was made."""
    keys = _make_key(release, "json"), _make_key(release, "html")
    if not all(map(workspace.store.exists, keys)):
        return None
    return ImpactReport(workspace.store.get_json(keys[0]), workspace.store.get_text(keys[1]))


def _make_key(release: StoredRelease, ending: str) -> str:
    return f"taxonomies/{release.name}/{release.number}.impact.{ending}"


def _find_model(workspace: Workspace, name: str) -> VersionRecord | None:
    """The newest model version, if it predicts skills of the taxonomy ``name``."""
    with workspace.database.read() as connection:
        newest = find_newest_version(connection, status="registered")
    return newest if newest is not None and newest.taxonomy_name == name else None


def _compare_skills(workspace: Workspace, release: StoredRelease, after: Taxonomy) -> Impact:
    earlier = [
        one.number
        for one in list_releases(workspace, release.name)
        if parse_number(one.number) < parse_number(release.number)
    ]
    if not earlier:
        return Impact("", _name(after), "", None)
    before = load_taxonomy(workspace, release.name, earlier[-1])
    return Impact(_name(before), _name(after), "", diff_taxonomies(before, after))


def _compare_predictions(
    workspace: Workspace,
    model: VersionRecord,
    after: Taxonomy,
    texts: list[ImpactText],
    on_progress: ProgressListener,
) -> Impact:
    folder = fetch_bundle(workspace, model.number, manifest_digest=model.manifest_digest)
    old, new = _open_both(folder, after, workspace.settings)
    return measure_impact(
        old,
        new,
        diff_taxonomies(old.taxonomy, after),
        texts,
        names=(_name(old.taxonomy), _name(after)),
        model=model.number,
        on_progress=on_progress,
    )


def _open_both(folder: Path, after: Taxonomy, settings: Settings) -> tuple[Extractor, Extractor]:
    """The bundle's extractor, and one with the same weights for ``after``.

    Only skills with other names are embedded, as a skills update does it; nothing is written.
    """
    from seamark.building.reembedding import update_vectors
    from seamark.extraction.bundle import (
        assemble,
        check_bundle,
        open_encoder,
        open_spans,
        read_taxonomy,
        read_vectors,
    )

    bundle = check_bundle(folder)
    encoder, spans = open_encoder(bundle, settings), open_spans(bundle, settings)
    before = read_taxonomy(bundle)
    vectors = read_vectors(bundle, before.active)
    updated, _ = update_vectors(after.active, encoder, known=before.active, vectors=vectors)
    old = assemble(bundle, encoder, settings=settings, spans=spans, taxonomy=before, vectors=vectors)
    new = assemble(bundle, encoder, settings=settings, spans=spans, taxonomy=after, vectors=updated)
    return old, new


def _choose_texts(workspace: Workspace, limit: int) -> list[ImpactText]:
    """Texts of labelled examples, the same ones each time and each once; else the package's samples."""
    with workspace.database.read() as connection:
        generations = example_rows.list_generations(connection)
        newest = generations[-1].number if generations else 0
        found = example_rows.list_examples(connection, newest)
    texts = {normalise_sentence(row.text): row for row in found if row.text.strip()}
    if not texts:
        return [ImpactText(sample.title, sample.text) for sample in read_samples()[:limit]]
    chosen = sorted(texts, key=lambda text: hashlib.sha256(text.encode("utf-8")).digest())[:limit]
    return [ImpactText(texts[text].document_id, texts[text].text) for text in chosen]


def _name(taxonomy: Taxonomy) -> str:
    return f"{taxonomy.name}@{taxonomy.version}" if taxonomy.version else taxonomy.name
