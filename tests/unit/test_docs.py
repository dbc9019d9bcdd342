from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from seamark import errors
from seamark.cli.main import app

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted(
    [_ROOT / "README.md", _ROOT / "CHANGELOG.md", _ROOT / "CONTRIBUTING.md", *_DOCS.rglob("*.md")]
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\b(?:SEAMARK_[A-Z][A-Z_]*[A-Z]|HF_ENDPOINT)\b")


def _read(page: str) -> str:
    return (_DOCS / page).read_text(encoding="utf-8")


def _list_variables() -> list[str]:
    sources = [*(_ROOT / "src").rglob("*.py"), _ROOT / "tests" / "conftest.py"]
    return sorted({name for path in sources for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))})


def _list_errors() -> list[str]:
    classes = inspect.getmembers(errors, inspect.isclass)
    return [name for name, kind in classes if issubclass(kind, errors.SeamarkError)]


def _list_commands(command: object, path: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield path
    for name, own in inner.items():
        yield from _list_commands(own, f"{path} {name}")


def _find_links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in _LINK.findall(text) if "://" not in link and not link.startswith("mailto:")]


def _list_anchors(page: Path) -> set[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", _DOCS / "generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_known_settings_are_among_the_variables_found() -> None:
    assert {"SEAMARK_HOME", "SEAMARK_THREADS", "SEAMARK_TEST_DATA", "HF_ENDPOINT"} <= set(_list_variables())


@pytest.mark.parametrize("name", _list_variables())
def test_every_variable_that_is_read_has_a_row_among_the_settings(name: str) -> None:
    assert f"| `{name}` |" in _read("reference/settings.md")


@pytest.mark.parametrize("name", _list_errors())
def test_every_error_of_the_tree_is_in_its_page_with_its_exit_code(name: str) -> None:
    page = _read("reference/errors.md")
    tree, _, table = page.partition("## Exit codes")
    code = getattr(errors, name).exit_code
    row = next(line for line in table.splitlines() if line.startswith(f"| {int(code)} |"))
    assert name in tree
    assert f"`{name}`" in row


@pytest.mark.parametrize("code", list(errors.ExitCode), ids=lambda code: code.name)
def test_every_exit_code_is_in_its_page(code: errors.ExitCode) -> None:
    assert f"| {int(code)} | `{code.name}` |" in _read("reference/errors.md")


@pytest.mark.parametrize("command", list(_list_commands(get_command(app), "seamark")))
def test_every_command_has_its_section(command: str) -> None:
    assert f"## `{command}`\n" in _read("reference/command-line.md")


def test_the_page_of_the_command_line_is_as_generated_anew() -> None:
    assert _load_generator().render_page() == _read("reference/command-line.md")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _find_links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _list_anchors(path), f"{link}: no such heading"


def test_every_page_is_on_the_map() -> None:
    linked = {(_DOCS / link.partition("#")[0]).resolve() for link in _find_links(_DOCS / "index.md")}
    pages = {page for page in _DOCS.rglob("*.md") if page.name != "index.md"}
    assert pages <= linked


def test_every_public_name_is_in_the_page_of_the_api() -> None:
    import seamark

    page = _read("reference/python-api.md")
    assert [name for name in seamark.__all__ if f"`{name}" not in page] == []
