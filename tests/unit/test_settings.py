"""Settings: environment over file over default; a malformed value fails, naming key and value."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.errors import UsageError
from seamark.settings import (
    METRICS,
    Settings,
    StageSettings,
    change_stage_settings,
    list_variables,
    read_settings,
    render_default_file,
)


def test_an_empty_environment_gives_the_defaults():
    found = read_settings({})
    assert (found.offline, found.engine, found.threads) == (False, "openvino", 0)
    assert found.home.name == "seamark"


def test_every_variable_is_read():
    found = read_settings(
        {
            "SEAMARK_HOME": "~/x",
            "SEAMARK_OFFLINE": "1",
            "SEAMARK_ENGINE": "OnnxRuntime",
            "SEAMARK_THREADS": " 3 ",
        }
    )
    assert found.home == Path.home() / "x"
    assert (found.offline, found.engine, found.threads) == (True, "onnxruntime", 3)


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_ways_to_say_yes(value):
    assert read_settings({"SEAMARK_OFFLINE": value}).offline


@pytest.mark.parametrize("value", ["0", "false", "No", "off", "", "  "])
def test_ways_to_say_no(value):
    assert not read_settings({"SEAMARK_OFFLINE": value}).offline


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEAMARK_OFFLINE", "perhaps"),
        ("SEAMARK_ENGINE", "abacus"),
        ("SEAMARK_THREADS", "-1"),
        ("SEAMARK_THREADS", "1.5"),
        ("SEAMARK_THREADS", "two"),
    ],
)
def test_a_malformed_value_is_refused_with_its_key(name, value):
    with pytest.raises(UsageError, match=name) as caught:
        read_settings({name: value})
    assert value in str(caught.value)
    assert caught.value.expected


@pytest.mark.parametrize("name", ["SEAMARK_HOME", "SEAMARK_ENGINE", "SEAMARK_THREADS"])
def test_an_empty_value_is_as_none(name):
    assert read_settings({name: ""}) == read_settings({})


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "seamark.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _uncomment(text: str) -> str:
    """The default file with every setting given."""
    return re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)


def _list_settings() -> list[tuple[str, str, Field]]:
    sections = [("runtime", Settings), *((f.name, f.default_factory) for f in fields(Settings))]
    return [
        (section, item.name, item)
        for section, kind in sections
        if kind is not MISSING
        for item in fields(kind)
        if "meaning" in item.metadata
    ]


_ALL = pytest.mark.parametrize(
    ("section", "key", "item"), _list_settings(), ids=[f"{s}.{k}" for s, k, _ in _list_settings()]
)


def test_an_object_made_by_hand_has_the_defaults_of_an_empty_environment(tmp_path):
    assert read_settings({"SEAMARK_HOME": str(tmp_path)}) == Settings(home=tmp_path)


def test_the_defaults_of_guards_are_not_shared():
    first, second = read_settings({}), read_settings({})
    first.champion.guards["precision"] = 1.0
    assert second.champion.guards["precision"] == 0.05


def test_the_default_file_changes_nothing(tmp_path):
    file = _write(tmp_path, render_default_file())
    assert read_settings({}, file=file) == read_settings({})


def test_the_default_file_gives_every_setting_its_default(tmp_path):
    file = _write(tmp_path, _uncomment(render_default_file()))
    assert read_settings({}, file=file) == read_settings({})
    given = tomllib.loads(file.read_text(encoding="utf-8"))
    assert {(section, key) for section, table in given.items() for key in table} == {
        (section, key) for section, key, _ in _list_settings()
    }


@_ALL
def test_every_setting_says_what_it_means_and_takes(section, key, item):
    assert item.metadata["meaning"].endswith(".")
    assert f"#{key} = " in render_default_file()


def test_the_page_shows_the_default_file_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert f"```toml\n{render_default_file()}```" in page


@_ALL
def test_every_setting_is_read_from_the_file_and_the_environment_wins(tmp_path, section, key, item):
    first, second = _pick_values(item)
    variable = (f"SEAMARK_{key}" if section == "runtime" else f"SEAMARK_{section}_{key}").upper()
    text = json.dumps(first) if not isinstance(first, dict) else "{precision = 0.5}"
    file = _write(tmp_path, f"[{section}]\n{key} = {text}\n")
    given = second if isinstance(second, str) else json.dumps(second)
    assert _get(read_settings({}, file=file), section, key) == first
    assert _get(read_settings({variable: given}, file=file), section, key) == second
    assert _get(read_settings({variable: " "}, file=file), section, key) == first


def _get(settings: Settings, section: str, key: str) -> object:
    found = getattr(settings if section == "runtime" else getattr(settings, section), key)
    return str(found) if isinstance(found, Path) else found


def _pick_values(item: Field) -> tuple:
    default = item.metadata["default"]
    special = {
        "home": ("/one", "/two"),
        "guards": ({"precision": 0.5}, {"ece": 0.25, "rp@5": 0.0}),
        "base": ("all-MiniLM-L6-v2", "all-mpnet-base-v2"),
        "schedule": ("0 3 * * 1", "0 4 * * *"),
        "stages": ("prod", "dev,uat"),
    }
    if item.name in special:
        return special[item.name]
    if item.name == "url":
        scheme = "s3" if "s3" in item.metadata["expected"] else "postgresql"
        return f"{scheme}://one/a", f"{scheme}://two/b"
    if isinstance(default, bool):
        return True, False
    if item.metadata["choices"]:
        return item.metadata["choices"][-1], item.metadata["choices"][0]
    if isinstance(default, str):
        return "one", "two"
    low = item.metadata["low"]
    high = item.metadata["high"] if item.metadata["high"] is not None else low + 100
    if isinstance(default, int):
        return int(high), int(low)
    return float(low), float(low + (high - low) / 2)


@_ALL
def test_a_value_of_the_wrong_type_is_refused_with_file_key_and_value(tmp_path, section, key, item):
    wrong = "[1]" if item.name != "url" else "7"
    file = _write(tmp_path, f"[{section}]\n{key} = {wrong}\n")
    with pytest.raises(UsageError) as caught:
        read_settings({}, file=file)
    assert f"{file}: {section}.{key} = {wrong}" in str(caught.value)
    assert caught.value.expected


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("training.epochs", "0", "a whole number from 1 to 1000"),
        ("training.epochs", "2.0", "a whole number"),
        ("training.epochs", "true", "a whole number"),
        ("training.epochs", '"two"', "a whole number"),
        ("training.learning_rate", "nan", "a number from"),
        ("training.learning_rate", "inf", "a number from"),
        ("training.learning_rate", "0", "a number from"),
        ("training.base", '""', "the name of a base model"),
        ("training.start", '"contender"', "champion or base"),
        ("data.test_share", "1.01", "a number from 0 to 1"),
        ("data.test_share", "-0.01", "a number from 0 to 1"),
        ("champion.primary", '"accuracy"', "jaccard, precision"),
        ("champion.guards", "{ accuracy = 0.1 }", "each named jaccard"),
        ("champion.guards", "{ precision = 2 }", "numbers from 0 to 1"),
        ("champion.guards", '{ precision = "0.1" }', "numbers from 0 to 1"),
        ("runtime.engine", '"abacus"', "openvino or onnxruntime"),
        ("runtime.threads", "-1", "a whole number of 0 or more"),
        ("runtime.offline", "1", "true or false"),
        ("database.url", '"mysql://host/db"', "sqlite:///FILE or postgresql"),
        ("store.url", '"gs://bucket"', "a folder or s3://"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_what_is_expected(tmp_path, setting, value, expected):
    section, key = setting.split(".")
    file = _write(tmp_path, f"[{section}]\n{key} = {value}\n")
    with pytest.raises(UsageError, match=setting) as caught:
        read_settings({}, file=file)
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEAMARK_TRAINING_EPOCHS", "3.5"),
        ("SEAMARK_TRAINING_LEARNING_RATE", "fast"),
        ("SEAMARK_CHAMPION_GUARDS", "precision"),
        ("SEAMARK_CHAMPION_GUARDS", "precision=much"),
        ("SEAMARK_CHAMPION_GUARDS", '{"precision":'),
        ("SEAMARK_CHAMPION_GUARDS", "[]"),
        ("SEAMARK_DATA_TEST_SHARE", "20%"),
    ],
)
def test_a_malformed_variable_is_refused_with_its_name_and_value(name, value):
    with pytest.raises(UsageError) as caught:
        read_settings({name: value})
    assert f"{name}={value!r}" in str(caught.value)


@pytest.mark.parametrize(
    "value", ['{"precision": 0.1, "rp@5": 0}', "precision=0.1,rp@5=0", " rp@5 = 0, precision=.1"]
)
def test_ways_to_give_guards(value):
    assert read_settings({"SEAMARK_CHAMPION_GUARDS": value}).champion.guards == {
        "precision": 0.1,
        "rp@5": 0.0,
    }


@pytest.mark.parametrize(
    ("test", "validation", "good"), [(0.9, 0.05, True), (0.9, 0.1, False), (0, 0, True), (1, 0, False)]
)
def test_something_must_be_left_to_train_on(test, validation, good):
    environ = {"SEAMARK_DATA_TEST_SHARE": str(test), "SEAMARK_DATA_VALIDATION_SHARE": str(validation)}
    if good:
        assert read_settings(environ).data.test_share == test
    else:
        with pytest.raises(UsageError, match=r"data\.test_share.*data\.validation_share"):
            read_settings(environ)


@pytest.mark.parametrize(
    ("text", "named", "hint"),
    [
        ("[traning]\n", "section [traning]", "training?"),
        ("[training]\nepoch = 1\n", "setting training.epoch", "epochs?"),
        ("[weather]\n", "section [weather]", ""),
        ("epochs = 1\n", "section [epochs]", ""),
        ("[runtime]\ndatabase = 1\n", "setting runtime.database", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path, text, named, hint):
    file = _write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_settings({}, file=file)
    assert named in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.hint == hint
    assert len(caught.value.expected.split(", ")) > 2


def test_a_section_that_is_a_value_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected a section \[training\]"):
        read_settings({}, file=_write(tmp_path, "training = 3\n"))


def test_a_misspelt_variable_of_a_section_is_refused_but_others_are_anybodys():
    with pytest.raises(UsageError, match=r"SEAMARK_TRAINING_EPOCHS\?"):
        read_settings({"SEAMARK_TRAINING_EPOCH": "3"})
    read_settings({"SEAMARK_TEST_DATA": "x", "SEAMARK_BASE_MODELS": "y", "SEAMARK_WORKSPACE": "z"})


def test_a_password_is_never_shown():
    for value in ("mysql://me:secret@host/db", "postgres://me:secret@host/db"):
        with pytest.raises(UsageError, match=r"//\*\*\*@host") as caught:
            read_settings({"SEAMARK_DATABASE_URL": value})
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[training\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    file = tmp_path / "seamark.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"seamark\.toml can't be read"):
        read_settings({}, file=file)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.toml can't be read"):
        read_settings({}, file=tmp_path / "nothing.toml")


def test_a_relative_home_starts_at_the_file_only_when_the_file_gives_it(tmp_path):
    file = _write(tmp_path, '[runtime]\nhome = "models"\n')
    assert read_settings({}, file=file).home == tmp_path / "models"
    assert read_settings({"SEAMARK_HOME": "models"}, file=file).home == Path("models")


def test_every_variable_is_listed():
    assert {"SEAMARK_HOME", "SEAMARK_TRAINING_EPOCHS", "SEAMARK_DATABASE_URL"} <= set(list_variables())
    assert len(list_variables()) == len(set(list_variables())) == len(_list_settings())


@given(st.integers(), st.floats())
def test_a_number_is_taken_exactly_when_it_is_in_range(epochs, share):
    for name, value, good in (
        ("SEAMARK_TRAINING_EPOCHS", epochs, 1 <= epochs <= 1000),
        ("SEAMARK_CHAMPION_MIN_GAIN", share, 0 <= share <= 1),
    ):
        if good:
            read_settings({name: repr(value)})
        else:
            with pytest.raises(UsageError, match=name):
                read_settings({name: repr(value)})


def test_the_metrics_that_settings_name_are_those_that_can_be_compared():
    from seamark.building.champion.measures import COMPARED, LATENCIES, LOWER_IS_BETTER

    assert {*METRICS, "ece"} == set(COMPARED) - set(LATENCIES)
    assert not set(METRICS) & LOWER_IS_BETTER


def test_stage_settings_are_changed_by_value_or_by_text():
    changed = change_stage_settings(
        StageSettings(), {"sampling_percent": "12.5", "capture": "off", "max_texts": 4}
    )
    assert (changed.sampling_percent, changed.capture, changed.max_texts) == (12.5, False, 4)
    assert change_stage_settings(changed, {"capture": None, "max_texts": None}) == replace(
        StageSettings(), sampling_percent=12.5
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sampling_percent": 101}, "from 0 to 100"),
        ({"sampling_percent": "many"}, "from 0 to 100"),
        ({"capture": "perhaps"}, "true or false"),
        ({"max_texts": 0}, "from 1 to 1024"),
        ({"max_texts": 1.5}, "a whole number"),
        ({"sampling": 1}, "sampling_percent?"),
    ],
)
def test_a_stage_setting_that_is_wrong_is_refused_with_what_is_expected(changes, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        change_stage_settings(StageSettings(), changes)
