from __future__ import annotations

import re

import pytest

from seamark.base_models.catalogue import CATALOGUE, DEFAULT_BASE_MODEL, find_base_model, list_names
from seamark.errors import ExitCode, UsageError


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
        ("minilm", "all-MiniLM-L6-v2"),
        ("MiniLM", "all-MiniLM-L6-v2"),
        (" minilm ", "all-MiniLM-L6-v2"),
        ("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
        ("mpnet", "all-mpnet-base-v2"),
        ("jjzha/jobbert_skill_extraction", "jjzha/jobbert_skill_extraction"),
    ],
)
def test_a_model_is_found_by_name_and_alias(asked: str, name: str) -> None:
    assert find_base_model(asked).name == name


@pytest.mark.parametrize(
    "asked", ["", "nope", "../secret", "a/../b", "a/b/c", "/etc/passwd", "owner/", ".hid/x"]
)
def test_an_unknown_name_lists_those_there_are(asked: str) -> None:
    with pytest.raises(UsageError, match="all-MiniLM-L6-v2, all-mpnet-base-v2") as caught:
        find_base_model(asked)
    assert caught.value.exit_code == ExitCode.MISUSED
    assert repr(asked) in caught.value.found


def test_any_repository_of_the_hub_may_be_named() -> None:
    model = find_base_model("someone/classifier-v1.2")
    assert (model.name, model.hub_repo, model.pypi) == ("someone/classifier-v1.2",) * 2 + (None,)
    assert all(file.sha256 == "" for file in model.files)


def test_the_default_is_in_the_catalogue() -> None:
    assert DEFAULT_BASE_MODEL in list_names()


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_entry_is_whole(model: object) -> None:
    entry = find_base_model(model.name)  # type: ignore[attr-defined]
    assert entry is model
    paths = [file.path for file in entry.files]
    assert len(set(paths)) == len(paths)
    assert {"config.json", "model.safetensors"} <= set(paths)
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) or entry.pypi is None for file in entry.files)
    assert all(".." not in path and not path.startswith("/") for path in paths)


def test_names_and_aliases_mean_one_model_each() -> None:
    names = [name.casefold() for model in CATALOGUE for name in (model.name, *model.aliases)]
    assert len(set(names)) == len(names)
