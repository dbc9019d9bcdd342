"""Token classifiers as span extractor, on tiny real checkpoints that are trained here."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from span_checks import LONG_TEXTS, SENTENCES, SPAN_CHECKS
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    BertForTokenClassification,
    BertModel,
    RobertaConfig,
    RobertaForTokenClassification,
)
from transformers.utils import logging as transformers_logging

from seamark.errors import MissingExtraError, SeamarkError, UsageError, WeightsError
from seamark.extraction.spans.hugging_face import JOBBERT, HuggingFaceSpanExtractor
from seamark.extraction.spans.protocol import SpanExtractor
from seamark.extraction.words import split_words
from seamark.settings import Settings

# What the tiny models are taught: sentence → the phrases that are skills, that are knowledge.
TAUGHT: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    SENTENCES[0]: (["use Python and SQL", "clean customer data"], ["Python", "SQL"]),
    SENTENCES[1]: (["Lead a team of nurses", "plan shifts", "keep patients safe"], []),
    SENTENCES[2]: ([], [".NET", "C++", "C#", "Node.js"]),
    SENTENCES[3]: (["Draft contracts"], ["English", "Mandarin", "R&D"]),
    SENTENCES[4]: ([], []),
}
BERT_TOKENS = 64
ROBERTA_TOKENS = 48

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Pair:
    skill: Path
    knowledge: Path

    def load(self, **settings: Any) -> HuggingFaceSpanExtractor:
        return HuggingFaceSpanExtractor(self.skill, self.knowledge, **settings)


# ---- making checkpoints


def tag_words(text: str, phrases: Sequence[str]) -> list[int]:
    tags = []
    stretches = [(text.index(phrase), text.index(phrase) + len(phrase)) for phrase in phrases]
    for start, _ in split_words(text):
        inside = [first for first, last in stretches if first <= start < last]
        tags.append(2 if not inside else 0 if start in inside else 1)
    return tags


def teach(model: Any, tokenizer: Any, which: int) -> None:
    """Train until the taught sentences are known by heart."""
    words = [[text[a:b] for a, b in split_words(text)] for text in TAUGHT]
    batch = tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
    labels = torch.full_like(batch["input_ids"], -100)
    for row, (text, phrases) in enumerate(TAUGHT.items()):
        tags, seen = tag_words(text, phrases[which]), None
        for position, word in enumerate(batch.word_ids(row)):
            if word is not None and word != seen:
                labels[row, position] = tags[word]
                seen = word
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(300):
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.02:
            break
    assert loss.item() < 0.05
    model.eval()


SMALL: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "id2label": {0: "B", 1: "I", 2: "O"},
    "label2id": {"B": 0, "I": 1, "O": 2},
}


def make_bert(folder: Path, which: int) -> Path:
    words = sorted({text[a:b] for text in TAUGHT for a, b in split_words(text)})
    letters = sorted(set("".join(words)))
    # "customer" is left to its letters: a word of many tokens
    whole = [word for word in words if len(word) > 1 and word.isalpha() and word != "customer"]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *whole,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512})
    )
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=BERT_TOKENS, **SMALL)
    torch.manual_seed(which)
    model = BertForTokenClassification(config)
    config.save_pretrained(folder)
    teach(model, AutoTokenizer.from_pretrained(folder), which)
    model.save_pretrained(folder)
    return folder


def make_roberta(folder: Path, which: int) -> Path:
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([f" {text}" for text in TAUGHT for _ in range(3)], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": False})
    )
    # two positions go to the padding, as in the real ones (514 for 512)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=ROBERTA_TOKENS + 2,
        pad_token_id=1,
        **SMALL,
    )
    torch.manual_seed(which)
    model = RobertaForTokenClassification(config)
    config.save_pretrained(folder)
    teach(model, AutoTokenizer.from_pretrained(folder, add_prefix_space=True), which)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    transformers_logging.disable_progress_bar()
    yield
    transformers_logging.enable_progress_bar()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bert(_one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    home = tmp_path_factory.mktemp("bert")
    return Pair(make_bert(home / "skill", 0), make_bert(home / "knowledge", 1))


@pytest.fixture(scope="module")
def roberta(_one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    home = tmp_path_factory.mktemp("roberta")
    return Pair(make_roberta(home / "skill", 0), make_roberta(home / "knowledge", 1))


@pytest.fixture(scope="module")
def bert_extractor(bert: Pair) -> HuggingFaceSpanExtractor:
    return bert.load()


@pytest.fixture(scope="module")
def roberta_extractor(roberta: Pair) -> HuggingFaceSpanExtractor:
    return roberta.load()


@pytest.fixture
def copied(bert: Pair, tmp_path: Path) -> Pair:
    """A copy of the BERT pair that a test may damage."""
    for name in ("skill", "knowledge"):
        shutil.copytree(getattr(bert, name), tmp_path / name)
    return Pair(tmp_path / "skill", tmp_path / "knowledge")


def edit_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit_weights(folder: Path, change: Change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(
        {name: t.contiguous() for name, t in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )


def name_labels(folder: Path, *names: str) -> None:
    edit_config(folder, id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)})


def list_phrases(extractor: SpanExtractor, text: str) -> tuple[list[str], list[str]]:
    [spans] = extractor.extract_spans([text])
    skills = [span.text for span in spans if span.label == "skill"]
    return skills, [span.text for span in spans if span.label == "knowledge"]


def explain(pair: Pair, expected: type[SeamarkError] = WeightsError) -> str:
    """The one line that loading the pair ends with."""
    with pytest.raises(expected) as caught:
        pair.load()
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- what every back-end promises


@pytest.mark.parametrize("check", SPAN_CHECKS)
def test_bert_passes_the_checks_of_every_back_end(check, bert_extractor):
    check(bert_extractor)


@pytest.mark.parametrize("check", SPAN_CHECKS)
def test_roberta_passes_the_checks_of_every_back_end(check, roberta_extractor):
    check(roberta_extractor)


# ---- spans


@pytest.mark.parametrize("text", TAUGHT)
def test_bert_finds_the_phrases_that_it_was_taught(text, bert_extractor):
    assert list_phrases(bert_extractor, text) == TAUGHT[text]


@pytest.mark.parametrize("text", TAUGHT)
def test_roberta_finds_the_phrases_that_it_was_taught(text, roberta_extractor):
    assert list_phrases(roberta_extractor, text) == TAUGHT[text]


def test_a_skill_may_hold_knowledge_and_comes_first(bert_extractor):
    [spans] = bert_extractor.extract_spans([SENTENCES[0]])
    assert [(s.label, s.start, s.end) for s in spans[:3]] == [
        ("skill", 4, 22),
        ("knowledge", 8, 14),
        ("knowledge", 19, 22),
    ]


def test_the_first_model_finds_skills_and_the_second_knowledge(bert):
    swapped = HuggingFaceSpanExtractor(bert.knowledge, bert.skill)
    skills, knowledge = TAUGHT[SENTENCES[0]]
    assert list_phrases(swapped, SENTENCES[0]) == (knowledge, skills)


def test_a_score_is_the_mean_probability_of_the_tags_at_first_tokens(bert, bert_extractor):
    text = SENTENCES[0]
    span = next(s for s in bert_extractor.extract_spans([text])[0] if s.text == "clean customer data")
    model = AutoModelForTokenClassification.from_pretrained(bert.skill)
    tokens = AutoTokenizer.from_pretrained(bert.skill)(
        [text[a:b] for a, b in split_words(text)], is_split_into_words=True, return_tensors="pt"
    )
    words = [text[a:b] for a, b in split_words(text)]
    ids = tokens.word_ids(0)
    firsts = [ids.index(words.index(word)) for word in ("clean", "customer", "data")]
    assert ids.count(words.index("customer")) > 1, "one word should have many tokens"
    with torch.no_grad():
        probabilities = model(**tokens).logits.softmax(-1)[0]
    expected = (probabilities[firsts[0], 0] + probabilities[firsts[1], 1] + probabilities[firsts[2], 1]) / 3
    assert span.score == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize(("kind", "tokens"), [("bert", BERT_TOKENS), ("roberta", ROBERTA_TOKENS)])
def test_words_beyond_the_limit_are_left_out_and_those_before_are_not(kind, tokens, request):
    extractor = request.getfixturevalue(f"{kind}_extractor")
    [spans] = extractor.extract_spans([" ".join(["Python"] * 200)])
    ends = [span.end for span in spans if span.label == "knowledge"]
    readable = tokens - 2  # less the tokens at either end of a text
    assert ends
    assert max(ends) <= readable * len("Python ")
    assert all(span.end <= len("Python ") * readable for span in spans)


def test_a_sentence_of_exactly_the_limit_is_read_to_its_end(bert, bert_extractor):
    classifier = bert_extractor._classifiers["skill"]
    [exact, over] = classifier.read([["Python"] * (BERT_TOKENS - 2), ["Python"] * (BERT_TOKENS - 1)])
    assert exact.words == over.words == list(range(BERT_TOKENS - 2))


def test_an_i_behind_an_o_begins_a_span(copied):
    def never_begin(tensors: dict[str, Any]) -> None:
        tensors["classifier.weight"][1] = tensors["classifier.weight"][0]
        tensors["classifier.bias"][1] = tensors["classifier.bias"][0]
        tensors["classifier.weight"][0] = 0.0
        tensors["classifier.bias"][0] = -1e4

    edit_weights(copied.knowledge, never_begin)
    assert list_phrases(copied.load(), SENTENCES[0])[1] == ["Python", "SQL"]


# ---- labels


@pytest.mark.parametrize(
    "names",
    [("B", "I", "O"), ("B-SKILL", "I-SKILL", "O"), ("b", "i", "o"), ("B_x", "I_x", "O"),
     ("LABEL_0", "LABEL_1", "LABEL_2")],
)  # fmt: skip
def test_labels_are_read_by_their_first_letter_and_unnamed_ones_as_b_i_o(names, copied):
    name_labels(copied.skill, *names)
    assert list_phrases(copied.load(), SENTENCES[1]) == TAUGHT[SENTENCES[1]]


def test_labels_may_come_in_any_order(copied):
    def turn(tensors: dict[str, Any]) -> None:
        for name in ("classifier.weight", "classifier.bias"):
            tensors[name] = tensors[name][[2, 0, 1]]

    edit_weights(copied.skill, turn)
    name_labels(copied.skill, "O", "B-SKILL", "I-SKILL")
    assert list_phrases(copied.load(), SENTENCES[1]) == TAUGHT[SENTENCES[1]]


def test_kinds_of_a_tag_are_added_up(copied, bert_extractor):
    def halve(tensors: dict[str, Any]) -> None:
        tensors["classifier.weight"] = tensors["classifier.weight"][[0, 0, 1, 1, 2]]
        half = torch.tensor([0.5, 0.5, 0.5, 0.5, 1.0]).log()
        tensors["classifier.bias"] = tensors["classifier.bias"][[0, 0, 1, 1, 2]] + half

    edit_weights(copied.skill, halve)
    name_labels(copied.skill, "B-HARD", "B-SOFT", "I-HARD", "I-SOFT", "O")
    whole, added = (e.extract_spans([SENTENCES[1]])[0] for e in (bert_extractor, copied.load()))
    assert [(s.start, s.end) for s in added] == [(s.start, s.end) for s in whole]
    assert [s.score for s in added] == pytest.approx([s.score for s in whole], abs=1e-5)


@pytest.mark.parametrize(
    "names",
    [("POSITIVE", "NEGATIVE", "O"), ("B", "I", "X"), ("B", "I", "B-x"), ("B", "O", "O-x"),
     ("S-a", "E-a", "O"), ("LABEL_0", "LABEL_1", "LABEL_3"), ("Begin", "Inside", "Outside")],
)  # fmt: skip
def test_labels_that_are_not_bio_are_refused_and_listed(names, copied):
    name_labels(copied.knowledge, *names)
    message = explain(copied)
    assert f"{copied.knowledge} has the labels {', '.join(names)}" in message
    assert "expected B, I and O" in message


def test_of_many_labels_the_first_are_listed(copied):
    name_labels(copied.knowledge, *(f"topic {i}" for i in range(30)))
    assert "topic 7 and 22 more" in explain(copied)


# ---- what is wrong with a folder


def test_a_folder_that_is_not_there_is_named(bert, tmp_path):
    assert f"no folder {tmp_path / 'gone'}" in explain(Pair(tmp_path / "gone", bert.knowledge))


def test_an_unknown_name_lists_the_known_ones(bert):
    with pytest.raises(UsageError, match=r"unknown base model 'jobbrt'.*jjzha/jobbert_skill_extraction"):
        HuggingFaceSpanExtractor("jobbrt", bert.knowledge)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_without_a_needed_file_names_it(name, copied):
    (copied.skill / name).unlink()
    assert f"{copied.skill} lacks {name}" in explain(copied)


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.5, 0.999])
def test_weights_that_were_cut_off_are_refused(kept, copied):
    path = copied.knowledge / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    message = explain(copied)
    assert f"token classifier in {copied.knowledge} can't be loaded" in message
    assert "cut off or damaged" in message


def test_weights_that_are_something_else_are_refused(copied):
    (copied.skill / "model.safetensors").write_bytes(b"<html>not found</html>" * 500)
    assert "can't be loaded" in explain(copied)


def test_weights_pickled_by_torch_are_read_too(copied):
    tensors = load_file(copied.skill / "model.safetensors")
    (copied.skill / "model.safetensors").unlink()
    torch.save(tensors, copied.skill / "pytorch_model.bin")
    assert list_phrases(copied.load(), SENTENCES[1]) == TAUGHT[SENTENCES[1]]


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04 cut"])
def test_pickled_weights_that_are_damaged_are_refused(content, copied):
    (copied.skill / "model.safetensors").unlink()
    (copied.skill / "pytorch_model.bin").write_bytes(content)
    assert "can't be loaded" in explain(copied)


class Dangerous:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_pickled_weights_run_no_code(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (copied.skill / "model.safetensors").unlink()
    torch.save({"classifier.bias": Dangerous()}, copied.skill / "pytorch_model.bin")
    assert "can't be loaded" in explain(copied)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": "no-such"}', "{}"])
def test_a_config_that_is_no_config_is_refused(content, copied):
    (copied.skill / "config.json").write_text(content)
    assert f"token classifier in {copied.skill} can't be loaded" in explain(copied)


def test_a_kind_of_model_that_tags_no_words_is_refused(copied):
    edit_config(copied.skill, model_type="vit")
    assert "can't be loaded" in explain(copied)


def test_a_model_with_code_of_its_own_is_refused_without_asking(copied):
    edit_config(
        copied.skill,
        model_type="own",
        auto_map={"AutoConfig": "own.C", "AutoModelForTokenClassification": "own.M"},
    )
    assert "can't be loaded" in explain(copied)


def test_a_bare_encoder_is_refused_by_its_labels(copied):
    config = BertConfig.from_pretrained(copied.skill, num_labels=2)
    BertModel(config).save_pretrained(copied.skill)
    assert "has the labels LABEL_0, LABEL_1" in explain(copied)


def test_an_encoder_without_a_head_is_refused_although_its_labels_are_right(copied):
    def behead(tensors: dict[str, Any]) -> None:
        del tensors["classifier.weight"], tensors["classifier.bias"]

    edit_weights(copied.skill, behead)
    message = explain(copied)
    assert f"the weights in {copied.skill} lack classifier.bias, classifier.weight" in message


def test_weights_of_another_shape_are_refused(copied):
    edit_config(copied.skill, intermediate_size=48)
    assert f"the weights in {copied.skill} do not fit config.json in bert.encoder." in explain(copied)


def test_weights_with_values_that_are_no_numbers_are_refused(copied):
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["classifier.weight"][1, 1] = float("nan")

    edit_weights(copied.skill, spoil)
    assert "hold values that are no numbers" in explain(copied)


def test_a_folder_without_a_tokenizer_is_refused(copied):
    (copied.skill / "vocab.txt").unlink()
    assert f"{copied.skill} lacks a tokenizer" in explain(copied)


def test_a_vocabulary_without_its_config_is_refused_for_its_case_is_unknown(copied):
    (copied.skill / "tokenizer_config.json").unlink()
    assert "whether letters keep their case" in explain(copied)


def test_a_damaged_tokenizer_is_refused(copied):
    (copied.skill / "tokenizer.json").write_text('{"version": "1.0", "model": ')
    assert f"token classifier in {copied.skill} can't be loaded" in explain(copied)


def test_a_tokenizer_of_a_larger_model_is_refused(copied):
    with (copied.skill / "vocab.txt").open("a", encoding="utf-8") as stream:
        stream.writelines(f"more{i}\n" for i in range(50))
    assert "expected tokenizer and weights of the same model" in explain(copied)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_names_the_extra(package, bert, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert f"'{package}', which is not installed; try: pip install 'seamark[train]'" in explain(
        bert, MissingExtraError
    )


# ---- names, home, surroundings


def test_jobbert_is_found_by_name_in_the_folder_of_base_models(bert, tmp_path):
    for name, folder in zip(JOBBERT, (bert.skill, bert.knowledge), strict=True):
        shutil.copytree(folder, tmp_path / "base_models" / name)
    extractor = HuggingFaceSpanExtractor(*JOBBERT, settings=Settings(home=tmp_path, offline=True))
    assert list_phrases(extractor, SENTENCES[0]) == TAUGHT[SENTENCES[0]]


def test_jobbert_is_not_fetched_when_that_is_forbidden(tmp_path):
    with pytest.raises(WeightsError, match=r"SEAMARK_OFFLINE=1 forbids fetching it") as caught:
        HuggingFaceSpanExtractor(*JOBBERT, settings=Settings(home=tmp_path, offline=True))
    assert JOBBERT[0] in str(caught.value)


def test_settings_come_from_the_environment_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path))
    monkeypatch.setenv("SEAMARK_OFFLINE", "1")
    with pytest.raises(WeightsError, match="SEAMARK_OFFLINE=1 forbids"):
        HuggingFaceSpanExtractor(*JOBBERT)


def test_threads_are_set_where_settings_name_a_number(bert, tmp_path):
    torch.set_num_threads(1)
    bert.load(settings=Settings(home=tmp_path, threads=2))
    assert torch.get_num_threads() == 2
    bert.load(settings=Settings(home=tmp_path))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_folders_may_be_given_as_text(bert):
    extractor = HuggingFaceSpanExtractor(str(bert.skill), str(bert.knowledge))
    assert list_phrases(extractor, SENTENCES[1]) == TAUGHT[SENTENCES[1]]


def test_equal_files_have_equal_names_wherever_they_lie(copied, bert_extractor):
    assert copied.load().name == bert_extractor.name
    assert len(bert_extractor.name) == 64


def test_the_name_changes_with_weights_labels_tokenizer_and_order(copied, bert_extractor):
    names = {bert_extractor.name, Pair(copied.knowledge, copied.skill).load().name}
    name_labels(copied.skill, "B-x", "I-x", "O")
    names.add(copied.load().name)
    edit_weights(copied.skill, lambda tensors: tensors["classifier.bias"].add_(0.01))
    names.add(copied.load().name)
    (copied.skill / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "do_lower_case": true}'
    )
    names.add(copied.load().name)
    assert len(names) == 5


def test_a_file_overwritten_after_loading_changes_nothing(copied):
    extractor = copied.load()
    before = extractor.extract_spans(SENTENCES)
    path = copied.skill / "model.safetensors"
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.write(b"\x00" * size)
    assert extractor.extract_spans(SENTENCES) == before


def test_loading_writes_nothing_and_leaves_the_settings_of_transformers(bert, copied, capfd):
    transformers_logging.enable_progress_bar()
    transformers_logging.set_verbosity_warning()
    bert.load()
    edit_config(copied.skill, intermediate_size=48)
    explain(copied)
    assert capfd.readouterr() == ("", "")
    assert transformers_logging.get_verbosity() == transformers_logging.WARNING
    assert transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()


def test_half_precision_weights_are_computed_in_full(copied, bert_extractor):
    def halve(tensors: dict[str, Any]) -> None:
        tensors.update({name: tensor.half() for name, tensor in tensors.items()})

    for folder in (copied.skill, copied.knowledge):
        edit_weights(folder, halve)
        edit_config(folder, dtype="float16")
    extractor = copied.load()
    assert {p.dtype for p in extractor._classifiers["skill"]._model.parameters()} == {torch.float32}
    assert list_phrases(extractor, SENTENCES[0]) == list_phrases(bert_extractor, SENTENCES[0])


def test_long_texts_are_no_longer_than_what_the_model_reads(bert_extractor):
    rows = bert_extractor._classifiers["skill"]._tokenize(
        [[text[a:b] for a, b in split_words(text)] for text in LONG_TEXTS]
    )
    assert max(len(row.ids) for row in rows) == BERT_TOKENS
