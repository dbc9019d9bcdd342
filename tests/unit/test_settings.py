"""Settings from the environment: a malformed value fails, naming key and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamark.errors import UsageError
from seamark.settings import read_settings


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
