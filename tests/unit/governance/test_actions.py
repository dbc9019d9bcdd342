from __future__ import annotations

import importlib.util
from pathlib import Path

from seamark.governance.actions import ACTIONS, get_action
from seamark.governance.actors import ROLES, SCOPES

_DOCS = Path(__file__).resolve().parents[3] / "docs"


def _render_page() -> str:
    spec = importlib.util.spec_from_file_location("generate_roles", _DOCS / "generate_roles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.render_page())


def test_the_page_of_roles_is_as_generated_anew() -> None:
    assert (_DOCS / "reference" / "roles.md").read_text(encoding="utf-8") == _render_page()


def test_every_action_has_a_name_of_its_own_and_known_roles_and_scope() -> None:
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        assert get_action(action.name) is action
        assert set(action.roles) <= set(ROLES)
        assert action.scope in SCOPES
        assert action.roles or action.system
        assert action.meaning.endswith(".")


def test_what_only_seamark_does_has_no_door() -> None:
    assert [action.name for action in ACTIONS if not action.roles and (action.cli or action.http)] == []


def test_administrators_may_whatever_a_person_may() -> None:
    assert [one.name for one in ACTIONS if one.roles and "administrator" not in one.roles] == []


def test_no_two_actions_have_the_same_door() -> None:
    for doors in ([one.cli for one in ACTIONS if one.cli], [one.http for one in ACTIONS if one.http]):
        assert len(set(doors)) == len(doors)


def test_every_command_of_the_table_exists() -> None:
    from typer.main import get_command

    from seamark.cli.main import app

    for action in ACTIONS:
        command = get_command(app)
        for word in action.cli.split()[1:]:
            command = getattr(command, "commands", {}).get(word)
            assert command is not None, action.cli
