"""The bundle of a model version: one folder with everything that predicting needs (docs/reference/bundle.md).

Design choices:

- ``manifest.json`` holds the size and the SHA-256 of every other file; who wants to be sure of the manifest too
  brings its digest from elsewhere (the registry keeps it).
- A bundle is verified whole whenever it is opened: hashing it takes a fraction of the time that the
  engines need to load it, and a model that changed by one bit must not answer.
- Vectors are mapped into memory, not read: several processes share them.
- Opening needs neither torch nor onnx nor a base model, but for spans by Hugging Face classifiers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from seamark.errors import TaxonomyError, UsageError, WeightsError
from seamark.extraction.encoder import Encoder, read_tokenizer
from seamark.extraction.engines import open_engine
from seamark.extraction.matching import SkillVectors
from seamark.extraction.ranking import Ranker
from seamark.extraction.spans.adapter import AdapterSpanExtractor
from seamark.extraction.spans.protocol import SpanExtractor
from seamark.settings import Settings, read_settings
from seamark.taxonomy import Skill, Taxonomy
from seamark.taxonomy.parsing import parse_document

if TYPE_CHECKING:
    from seamark.extraction.extractor import Extractor

FORMAT = 1
MANIFEST, MODEL_CARD, TAXONOMY = "manifest.json", "model_card.md", "taxonomy.json"
RECORDED = "recorded_predictions.json"
ENCODER, SPANS = "embedding_model", "span_extractor"
RANKER = "ranker/ranker.json"
VECTORS, ROWS = f"{ENCODER}/embeddings.npy", f"{ENCODER}/skills.parquet"
CANDIDATE = "candidate"
"""The model version of a bundle that has no number yet."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model version's files.

    Attributes:
        folder: where they are.
        manifest: what ``manifest.json`` says (docs/reference/bundle.md).
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def version(self) -> str:
        """X.Y.Z, or ``candidate`` before it is registered."""
        return str(self.manifest["version"]) or CANDIDATE

    @property
    def threshold(self) -> float:
        """The least confidence that it predicts by default, 0-1."""
        return float(self.manifest["recipe"]["threshold"])

    @property
    def size(self) -> int:
        """Bytes of all files but the manifest."""
        return sum(int(entry["size"]) for entry in self.manifest["files"].values())


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of a bundle that is not what it should be.

    Attributes:
        path: within the bundle.
        found: ``no file``, a size in bytes, a digest, or what else is there.
        expected: the same, as it should be.
    """

    path: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class RecordedPrediction:
    """What a bundle predicted for a text when it was written.

    Attributes:
        text: the text.
        skills: skill_id → confidence, 0-1, most confident first.
    """

    text: str
    skills: Mapping[str, float]


# ---- reading and verifying


def is_bundle(folder: Path) -> bool:
    """Whether ``folder`` has a bundle's manifest."""
    return (folder / MANIFEST).is_file()


def read_bundle(folder: Path) -> Bundle:
    """The bundle in ``folder``; only its manifest is read.

    Raises:
        WeightsError: there is no manifest, it can't be read, or it is of a later format.
    """
    path = folder / MANIFEST
    try:
        return Bundle(folder, parse_manifest(path.read_bytes()))
    except OSError as error:
        raise WeightsError(
            f"the model in {folder} has no readable {MANIFEST} ({error.strerror or error})",
            expected="the folder of a model version",
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path} can't be read ({error})", expected="a whole manifest") from error


def parse_manifest(content: bytes) -> dict[str, Any]:
    """A manifest from the bytes of its file.

    Raises:
        ValueError: it is no manifest.
        WeightsError: it is of a later format.
    """
    manifest = json.loads(content)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise ValueError("it names no files")
    for name in manifest["files"]:  # a folder's files are read, and a store's written, by these names
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError(f"it names the file {name!r}, which is outside the bundle")
    if manifest.get("format") != FORMAT:
        raise WeightsError(
            f"the model's manifest is of format {manifest.get('format')!r}",
            expected=f"format {FORMAT}",
            hint="a newer Seamark reads it",
        )
    return manifest


def dump_json(value: Any, *, indent: int | None = 1) -> bytes:
    """``value`` as the bundle's JSON files hold it: the same bytes for the same value.

    Args:
        value: what to write.
        indent: blanks a level; None writes one line, ten times as fast.
    """
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def verify_bundle(folder: Path, *, manifest_digest: str = "") -> list[Damage]:
    """Every file that is missing, is there without a reason, or has other bytes; empty where all is well.

    Args:
        folder: the bundle's.
        manifest_digest: SHA-256 that ``manifest.json`` should have, in hex; empty takes it as it is.
    """
    found = digest_manifest(folder)
    if found is None:
        return [Damage(MANIFEST, "no file", manifest_digest or "a file")]
    if manifest_digest and found != manifest_digest:
        return [Damage(MANIFEST, found, manifest_digest)]
    try:
        files = read_bundle(folder).manifest["files"]
        return list(_find_damage(folder, files))
    except (WeightsError, KeyError, TypeError) as error:
        return [Damage(MANIFEST, str(error), "a whole manifest")]


def digest_manifest(folder: Path) -> str | None:
    """SHA-256 of the bundle's ``manifest.json`` in hex; None where there is none."""
    path = folder / MANIFEST
    return digest_file(path) if path.is_file() else None


def _find_damage(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterator[Damage]:
    for name, entry in files.items():
        path, size = folder / name, int(entry["size"])
        if not path.is_file():
            yield Damage(name, "no file", str(entry["sha256"]))
        elif path.stat().st_size != size:
            yield Damage(name, f"{path.stat().st_size} bytes", f"{size} bytes")
        elif (found := digest_file(path)) != entry["sha256"]:
            yield Damage(name, found, str(entry["sha256"]))
    for name in list_files(folder):
        if name not in files and name != MANIFEST:
            yield Damage(name, "a file", "no file: the manifest does not know it")


def list_files(folder: Path) -> list[str]:
    """Every file under ``folder``, by its path within it, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def digest_file(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_bundle(folder: Path, *, manifest_digest: str = "") -> Bundle:
    """The bundle in ``folder``, verified whole.

    Raises:
        WeightsError: it is damaged; the message names the first damaged file.
    """
    damages = verify_bundle(folder, manifest_digest=manifest_digest)
    if damages:
        first, others = damages[0], len(damages) - 1
        raise WeightsError(
            f"the model in {folder} is damaged: {first.path} is {first.found:.80}"
            + (f", and {others} more" if others else ""),
            expected=f"{first.expected:.80}",
            hint="bring it again from where it was published, or build it again",
        )
    return read_bundle(folder)


# ---- its parts


def read_taxonomy(bundle: Bundle) -> Taxonomy:
    """The bundle's taxonomy release.

    Raises:
        WeightsError: it can't be read.
    """
    path = bundle.folder / TAXONOMY
    try:
        return parse_document(json.loads(path.read_text(encoding="utf-8", errors="surrogatepass")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, TaxonomyError) as error:
        raise _explain(path, error) from error


def read_vectors(bundle: Bundle, skills: Sequence[Skill]) -> SkillVectors:
    """The vectors of ``skills``, mapped into memory.

    Args:
        bundle: the bundle.
        skills: the active skills of its taxonomy.

    Raises:
        WeightsError: they can't be read, or are those of other skills.
    """
    import polars as pl

    path = bundle.folder / ROWS
    try:
        # a plain view: the subclass for mapped arrays costs time at every product
        vectors = np.asarray(np.load(bundle.folder / VECTORS, mmap_mode="r", allow_pickle=False))
        rows = pl.read_parquet(path.read_bytes(), columns=["skill_id", "name"])
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise _explain(path, error) from error
    ids = rows["skill_id"]
    starts = np.flatnonzero((ids != ids.shift(1)).fill_null(value=True).to_numpy())
    owners = ids.gather(starts).to_list()
    if len(vectors) != len(rows) or owners != [skill.skill_id for skill in skills]:
        raise WeightsError(
            f"the vectors in {bundle.folder} are not those of its taxonomy",
            expected=f"one skill after the other, {len(skills)} in all",
        )
    return SkillVectors(vectors, starts, tuple(rows["name"].to_list()))


def read_ranker(bundle: Bundle) -> Ranker:
    """The bundle's ranker.

    Raises:
        WeightsError: it can't be read.
    """
    return Ranker.read(bundle.folder / RANKER)


def read_recorded(bundle: Bundle) -> tuple[RecordedPrediction, ...]:
    """What the bundle predicted when it was written, at its own threshold.

    Raises:
        WeightsError: the record can't be read.
    """
    path = bundle.folder / RECORDED
    try:
        entries = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))["predictions"]
        return tuple(RecordedPrediction(entry["text"], entry["skills"]) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _explain(path, error) from error


def open_encoder(bundle: Bundle, settings: Settings) -> Encoder:
    """The bundle's encoder.

    Raises:
        WeightsError: its graph or its tokenizer can't be loaded.
    """
    facts, folder = bundle.manifest["recipe"]["encoder"], bundle.folder / ENCODER
    return Encoder(
        open_engine(settings.engine, folder, threads=settings.threads),
        read_tokenizer(folder, int(facts["max_tokens"])),
        dimensions=int(facts["dimensions"]),
        name=str(bundle.manifest["weights"][ENCODER]),
    )


def open_spans(bundle: Bundle, settings: Settings) -> SpanExtractor:
    """The bundle's span extractor.

    Raises:
        WeightsError: its graph, its classifiers or a tokenizer can't be loaded.
        MissingExtraError: it is a pair of Hugging Face classifiers, and torch is not installed.
    """
    folder = bundle.folder / SPANS
    facts = _read_facts(folder / MANIFEST)
    if facts["kind"] == "hugging_face":
        from seamark.extraction.spans.hugging_face import HuggingFaceSpanExtractor

        return HuggingFaceSpanExtractor(folder / "skill", folder / "knowledge", settings=settings)
    return AdapterSpanExtractor(
        open_engine(settings.engine, folder, threads=settings.threads),
        read_tokenizer(folder, int(facts["max_tokens"])),
        transitions=np.array(facts["transitions"], dtype=np.float32),
        starts=np.array(facts["starts"], dtype=np.float32),
        name=str(facts["digest"]),
    )


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{path} can't be read ({error})", hint="bring the model version again")


# ---- predicting


def open_bundle(
    folder: Path,
    *,
    settings: Settings | None = None,
    manifest_digest: str = "",
    threshold: float | None = None,
    top: int | None = None,
) -> Extractor:
    """An extractor from the bundle in ``folder``, verified whole first.

    Args:
        folder: the bundle's.
        settings: the surroundings; default: the environment's.
        manifest_digest: SHA-256 that ``manifest.json`` should have, in hex; empty takes it as it is.
        threshold: least confidence, 0-1; default: the bundle's own.
        top: how many skills at most; None or 0 gives all above the threshold.

    Raises:
        UsageError: ``threshold`` or ``top`` is out of its range.
        WeightsError: the bundle is damaged.
    """
    settings = settings or read_settings()
    bundle = check_bundle(folder, manifest_digest=manifest_digest)
    return assemble(bundle, open_encoder(bundle, settings), settings=settings, threshold=threshold, top=top)


def assemble(
    bundle: Bundle,
    encoder: Encoder,
    *,
    settings: Settings,
    spans: SpanExtractor | None = None,
    taxonomy: Taxonomy | None = None,
    vectors: SkillVectors | None = None,
    threshold: float | None = None,
    top: int | None = None,
) -> Extractor:
    """An extractor from a bundle that was verified and its encoder that is open already.

    Args:
        bundle: the bundle.
        encoder: its encoder.
        settings: the surroundings.
        spans: another span extractor than its own.
        taxonomy: another taxonomy than its own, with ``vectors``.
        vectors: of the other taxonomy's active skills, by ``encoder``.
        threshold: least confidence, 0-1; default: the bundle's own.
        top: how many skills at most; None or 0 gives all above the threshold.

    Raises:
        UsageError: ``threshold`` or ``top`` is out of its range.
        WeightsError: a part can't be read.
    """
    from seamark.extraction.extractor import Extractor
    from seamark.extraction.matching import Matcher

    limit = bundle.threshold if threshold is None else check_threshold(threshold)
    check_top(top)
    taxonomy = taxonomy or read_taxonomy(bundle)
    return Extractor(
        taxonomy,
        spans=spans or open_spans(bundle, settings),
        encoder=encoder,
        matcher=Matcher(vectors or read_vectors(bundle, taxonomy.active), encoder),
        ranker=read_ranker(bundle),
        model_version=bundle.version,
        threshold=limit,
        top=top or 0,
    )


def check_threshold(threshold: float) -> float:
    """The threshold, if it can be one.

    Raises:
        UsageError: it is no number from 0 to 1.
    """
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(f"threshold={threshold}", expected="a number from 0 to 1")
    return threshold


def check_top(top: int | None) -> None:
    """Refuse what can't be a number of skills.

    Raises:
        UsageError: it is negative.
    """
    if top is not None and top < 0:
        raise UsageError(f"top={top}", expected="a whole number of 0 or more")
