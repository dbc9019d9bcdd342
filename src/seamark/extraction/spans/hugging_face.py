"""Any pair of Hugging Face token classifiers as span extractor, such as the JobBERT pair.

Design choices:

- The words are ours (``split_words``), for both models: offsets then never depend on a tokenizer.
- A word's probabilities are those at its first token, which is where such models are trained.
- Labels that differ only in kind (``B-SKILL``, ``B-SOFT``) are one tag here, their probabilities added.
- The tokenizers package is called directly: transformers' own call changes the tokenizer's state each
  time, which two threads may not do at once.
- Weights are copied out of the file: a mapped file that somebody overwrites would end the process.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seamark.base_models import resolve_base_model
from seamark.errors import MissingExtraError, WeightsError
from seamark.extraction.chunking import plan_batches
from seamark.extraction.encoder import MAX_BATCH, MAX_BATCH_TOKENS
from seamark.extraction.result import Span, SpanLabel
from seamark.extraction.tagging import BEGIN, INSIDE, OUTSIDE, find_spans
from seamark.extraction.words import split_words
from seamark.settings import Settings, read_settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

JOBBERT = ("jjzha/jobbert_skill_extraction", "jjzha/jobbert_knowledge_extraction")
"""The names of the JobBERT pair on the model hub: skill, knowledge (Zhang et al. 2022, SkillSpan)."""

_TAGS = {"B": BEGIN, "I": INSIDE, "O": OUTSIDE}
_LABEL = re.compile(r"O|[BI](?:[-_].+)?", re.IGNORECASE)
# What transformers calls labels that were given no names; JobBERT's order is the one to assume.
_UNNAMED = {"LABEL_0": BEGIN, "LABEL_1": INSIDE, "LABEL_2": OUTSIDE}

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model")
_SETTLED = ("tokenizer.json", "tokenizer_config.json")  # either says how letters and spaces are treated
_COMPUTED_WITH = ("config.json", *_SETTLED, "special_tokens_map.json", "added_tokens.json", *_VOCABULARIES)
_LONGEST = 512  # tokens, where neither model nor tokenizer names a limit


class HuggingFaceSpanExtractor:
    """Span extractor over two token classifiers with BIO labels.

    Labels may be ``B``, ``I``, ``O``; ``B-…``, ``I-…``, ``O`` with any names behind; or ``LABEL_0``,
    ``LABEL_1``, ``LABEL_2``, which are taken for B, I, O in this order, as JobBERT has them. A span is
    a B and the I's behind it, or I's that follow an O; its score is the mean probability of its
    words' tags. Words beyond what a model reads at once (512 tokens as a rule) have no span.

    Safe to use from several threads. Runs on the processor; ``settings.threads`` above 0 sets how many
    threads torch takes, in the whole process.

    Args:
        skill: the token classifier for skills: a folder, a base model's name, or ``owner/name`` on
            the model hub.
        knowledge: the same for knowledge.
        settings: where base models are kept and whether they may be fetched; by default read from the
            environment.

    Attributes:
        name: digest of the weights, labels and tokenizers of both.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        UsageError: a name is neither a folder nor a base model.
        WeightsError: a model is missing, can't be fetched, is damaged, or is no BIO token classifier.

    Example:
        ``HuggingFaceSpanExtractor(*JOBBERT).extract_spans(["You know Python."])``
    """

    def __init__(self, skill: Path | str, knowledge: Path | str, *, settings: Settings | None = None) -> None:
        own = read_settings() if settings is None else settings
        _prepare_torch(own.threads)
        folders = find_classifiers(skill, knowledge, own)
        self._classifiers = {label: _Classifier(folder) for label, folder in folders.items()}
        self.name = _digest_all(folders)

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        """The spans of each sentence, by start, offsets within the sentence."""
        distinct = list(dict.fromkeys(sentences))
        places = [split_words(text) for text in distinct]
        words = [[text[a:b] for a, b in own] for text, own in zip(distinct, places, strict=True)]
        found: dict[str, list[Span]] = {text: [] for text in distinct}
        for label, classifier in self._classifiers.items():
            for text, own, read in zip(distinct, places, classifier.read(words), strict=True):
                found[text] += _make_spans(text, [own[i] for i in read.words], read.probabilities, label)
        for spans in found.values():
            spans.sort(key=attrgetter("start", "end"))
        return [list(found[text]) for text in sentences]


def _make_spans(
    text: str, places: Sequence[tuple[int, int]], probabilities: Floats, label: SpanLabel
) -> list[Span]:
    tags, sure = probabilities.argmax(-1), probabilities.max(-1)
    spans = []
    for first, last in find_spans(tags):
        start, end = places[first][0], places[last - 1][1]
        score = min(float(sure[first:last].mean()), 1.0)  # sums of float32 can end just above 1
        spans.append(Span(start, end, text[start:end], label, score))
    return spans


@dataclass(frozen=True, slots=True)
class _Read:
    """Which words of a sentence were read, and the probabilities ``(n_words, 3)`` of B, I, O."""

    words: list[int]
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class _Tokens:
    ids: list[int]
    words: list[int]
    firsts: list[int]  # where each word's first token stands


class _Classifier:
    """One token classifier with its tokenizer."""

    def __init__(self, folder: Path) -> None:
        _check_files(folder)
        with _loading(folder):
            config = _load_config(folder)
            self._tag_of_label = _read_labels(config.id2label, folder)
            self._model = _load_model(folder, config)
            tokenizer = _load_tokenizer(folder)
        self._padding = int(tokenizer.pad_token_id or 0)
        self._tokenizer: Tokenizer = tokenizer.backend_tokenizer
        _check_vocabulary(self._tokenizer, self._model, folder)
        limit = min(_find_limit(self._model), tokenizer.model_max_length)
        self._tokenizer.enable_truncation(limit)
        self._tokenizer.no_padding()
        _set_words_apart(self._tokenizer)

    def read(self, sentences: Sequence[Sequence[str]]) -> list[_Read]:
        """What the model says of each sentence, given as words."""
        laid_out = self._tokenize(sentences)
        read = [_Read([], np.zeros((0, 3), dtype=np.float32)) for _ in sentences]
        with_words = [i for i, row in enumerate(laid_out) if row.words]
        lengths = [len(laid_out[i].ids) for i in with_words]
        for plan in plan_batches(lengths, max_batch=MAX_BATCH, max_tokens=MAX_BATCH_TOKENS):
            rows = [with_words[i] for i in plan]
            batch = [laid_out[row] for row in rows]
            for row, tokens, probabilities in zip(rows, batch, self._run(batch), strict=True):
                read[row] = _Read(tokens.words, probabilities)
        return read

    def _tokenize(self, sentences: Sequence[Sequence[str]]) -> list[_Tokens]:
        tokenizer: Any = self._tokenizer  # the package types a batch of word lists as Any
        return [_lay_out(encoding) for encoding in tokenizer.encode_batch(sentences, is_pretokenized=True)]

    def _run(self, batch: Sequence[_Tokens]) -> list[Floats]:
        import torch
        from torch.nn.utils.rnn import pad_sequence

        with torch.inference_mode():
            rows = [torch.tensor(row.ids) for row in batch]
            ids = pad_sequence(rows, batch_first=True, padding_value=self._padding)
            lengths = torch.tensor([len(row.ids) for row in batch])
            mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
            labels = self._model(input_ids=ids, attention_mask=mask).logits.softmax(-1).numpy()
        return [
            _add_labels(own[row.firsts], self._tag_of_label) for own, row in zip(labels, batch, strict=True)
        ]


def _lay_out(encoding: Any) -> _Tokens:
    """First tokens; words that make no token, or that the model's limit cut off, are left out."""
    words: list[int] = []
    firsts: list[int] = []
    for position, word in enumerate(encoding.word_ids):
        if word is not None and word not in words[-1:]:
            words.append(word)
            firsts.append(position)
    return _Tokens(encoding.ids, words, firsts)


def _add_labels(probabilities: Floats, tag_of_label: Sequence[int]) -> Floats:
    """Probabilities ``(n_words, 3)`` of the tags from those of the labels."""
    added = np.zeros((len(probabilities), len(_TAGS)), dtype=np.float32)
    for label, tag in enumerate(tag_of_label):
        added[:, tag] += probabilities[:, label]
    return added


# ---- loading


def _prepare_torch(threads: int) -> None:
    try:
        import torch
        import transformers  # noqa: F401 - only whether it is there; loading imports what it needs
    except ImportError as error:
        package = error.name or "transformers"
        raise MissingExtraError(
            "a span extractor of Hugging Face models", package=package, extra="train"
        ) from error
    if threads > 0:
        torch.set_num_threads(threads)


def find_classifiers(skill: Path | str, knowledge: Path | str, settings: Settings) -> dict[SpanLabel, Path]:
    """The folders of two token classifiers, fetched first where they are names; see the class."""
    return {"skill": _resolve(skill, settings), "knowledge": _resolve(knowledge, settings)}


def _resolve(model: Path | str, settings: Settings) -> Path:
    if isinstance(model, Path) and not model.expanduser().is_dir():
        raise WeightsError(f"there is no folder {model}", expected="a folder that holds a token classifier")
    return resolve_base_model(model, settings)


def _check_files(folder: Path) -> None:
    """Refuse a folder without a tokenizer: transformers would go on with an empty one, or guess."""
    there = {path.name for path in folder.iterdir()}
    if not there.intersection(("tokenizer.json", *_VOCABULARIES)):
        missing = "a tokenizer"
    elif not there.intersection(_SETTLED):
        missing = "tokenizer_config.json, so that nobody knows whether letters keep their case"
    else:
        return
    raise WeightsError(
        f"the folder {folder} lacks {missing}", expected="tokenizer.json, or a vocabulary and its config"
    )


_LOCK = threading.Lock()


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Turn errors of loading into ours, and keep transformers from writing to the terminal meanwhile.

    It draws a progress bar and prints a table of tensors; both are settings of the whole process, so
    one model is loaded at a time.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    expected_failures = (
        OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError, EOFError,
        pickle.UnpicklingError, SafetensorError,
    )  # fmt: skip
    with _LOCK:
        level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        try:
            with warnings.catch_warnings():
                # torch says this of files that are no weights, just before it refuses them
                warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
                yield
        except expected_failures as error:
            raise _explain(error, folder) from error
        finally:
            logging.set_verbosity(level)
            if has_bars:
                logging.enable_progress_bar()


def _explain(error: Exception, folder: Path) -> WeightsError:
    lines = str(error).strip().splitlines()
    return WeightsError(
        f"the token classifier in {folder} can't be loaded ({lines[0] if lines else type(error).__name__})",
        expected="config.json, model.safetensors and a tokenizer that belong together",
        hint="bring the folder again: a file may be cut off or damaged",
    )


def _load_config(folder: Path) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _load_model(folder: Path, config: Any) -> Any:
    import torch
    from transformers import AutoModelForTokenClassification

    model, report = AutoModelForTokenClassification.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        trust_remote_code=False,  # without it transformers asks on the terminal
        dtype=torch.float32,
        output_loading_info=True,
        # where not refused here it is refused with a table on the terminal
        ignore_mismatched_sizes=True,
    )
    _check_report(report, folder)
    for tensor in model.parameters():
        tensor.data = tensor.data.clone()
        if not torch.isfinite(tensor.data).all():
            raise WeightsError(
                f"the weights in {folder} hold values that are no numbers", hint="bring the file again"
            )
    return model.eval().requires_grad_(False)


def _check_report(report: Mapping[str, Any], folder: Path) -> None:
    missing = sorted(map(str, report["missing_keys"]))
    # of a mismatch transformers reports the tensor's name and both shapes
    unfit = sorted(str(key[0]) if isinstance(key, tuple) else str(key) for key in report["mismatched_keys"])
    if not missing and not unfit:
        return
    found = f"lack {_list(missing)}" if missing else f"do not fit config.json in {_list(unfit)}"
    raise WeightsError(
        f"the weights in {folder} {found}",
        expected="those of a token classifier, head included",
        hint="name a model that was trained to tag words, not a bare encoder",
    )


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise WeightsError(
            f"the tokenizer in {folder} does not say which word a token belongs to",
            expected="a fast tokenizer",
            hint="save it as tokenizer.json",
        )
    return tokenizer


def _read_labels(labels: Mapping[int, str], folder: Path) -> list[int]:
    """The tag of each label."""
    names = [str(name) for _, name in sorted(labels.items())]
    if sorted(names) == sorted(_UNNAMED):
        return [_UNNAMED[name] for name in names]
    tags = [_TAGS[name[0].upper()] for name in names if _LABEL.fullmatch(name)]
    if len(tags) != len(names) or set(tags) != set(_TAGS.values()):
        raise WeightsError(
            f"the model in {folder} has the labels {_list(names)}",
            expected="B, I and O; or B-…, I-… and O",
            hint="name a token classifier that was trained with BIO labels",
        )
    return tags


def _list(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "(none)"


def _check_vocabulary(tokenizer: Tokenizer, model: Any, folder: Path) -> None:
    known = int(model.get_input_embeddings().num_embeddings)
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if not 0 <= highest < known:
        raise WeightsError(
            f"the tokenizer in {folder} has {highest + 1} tokens, the weights know {known}",
            expected="tokenizer and weights of the same model",
        )


def _find_limit(model: Any) -> int:
    """How many tokens the model reads at once."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(module, "num_embeddings"):
            # RoBERTa and its kin count positions from behind the padding's number
            skipped = 0 if module.padding_idx is None else module.padding_idx + 1
            return int(module.num_embeddings) - skipped
    return int(getattr(model.config, "max_position_embeddings", None) or _LONGEST)


def _set_words_apart(tokenizer: Tokenizer) -> None:
    """Have a byte-level tokenizer see a space before each word, as in running text."""
    from tokenizers import pre_tokenizers

    step: Any = tokenizer.pre_tokenizer
    parts: Any = step if isinstance(step, pre_tokenizers.Sequence) else [step]
    for part in parts:
        if isinstance(part, pre_tokenizers.ByteLevel):
            part.add_prefix_space = True


# ---- digests


def list_model_files(folder: Path) -> list[Path]:
    """The files of a token classifier that decide what it says, its weights first."""
    weights = [name for name in _WEIGHTS if (folder / name).is_file()][:1]
    return [folder / name for name in (*weights, *_COMPUTED_WITH) if (folder / name).is_file()]


def _digest_all(folders: Mapping[SpanLabel, Path]) -> str:
    whole = hashlib.sha256()
    for label, folder in folders.items():
        for path in list_model_files(folder):
            whole.update(f"{label} {path.name} {_digest(path)}\n".encode())
    return whole.hexdigest()


def _digest(path: Path) -> str:
    stat = path.stat()
    return _read_digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_digest(path: Path, _size: int, _modified: int) -> str:
    """The SHA-256 of a file, read once for each state of it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
