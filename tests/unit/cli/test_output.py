"""How tables are printed: in a pipe, and on terminals that are too narrow."""

from __future__ import annotations

import pytest
from rich.console import Console

from seamark.cli import output
from seamark.cli.output import print_table

RUN = "experiment-20261121T095725-5994db"


def show(capsys, *table, width: int = 0) -> list[str]:
    """The lines of a table, on a terminal of so many columns, or in a pipe."""
    with pytest.MonkeyPatch.context() as patch:
        if width:
            console = Console(
                width=width, force_terminal=True, no_color=True, highlight=False, soft_wrap=True
            )
            patch.setattr(output, "make_console", lambda: console)
        print_table(*table)
    return capsys.readouterr().out.splitlines()


def test_in_a_pipe_every_row_is_one_line_however_long(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = show(capsys, "", ("id", "text"), [(RUN, "word " * 60 + "end")])
    assert len(lines) == 3
    assert RUN in lines[2]
    assert lines[2].endswith("word end")


@pytest.mark.parametrize("width", [20, 80, 120])
def test_an_id_stays_in_one_piece_on_any_terminal(capsys, width):
    rows = [(RUN, "a sentence that is too long for its place " * 3, RUN)]
    shown = "\n".join(show(capsys, "", ("id", "because", "run"), rows, width=width))
    assert shown.count(RUN) == 2


def test_a_sentence_wraps_at_its_spaces_on_a_terminal(capsys):
    lines = show(capsys, "", ("what", "because"), [("reason", "word " * 40)], width=80)
    assert len(lines) > 3
    assert max(map(len, lines[2:])) <= 80


def test_figures_stand_to_the_right_and_words_to_the_left(capsys):
    rows = [("a", "1,000", "0.5", "x"), ("b", "7", "* 0.25", "-"), ("c", "-", "–", "1")]
    lines = show(capsys, "", ("name", "count", "share", "mixed"), rows)
    assert lines[2:] == ["a     1,000     0.5  x", "b         7  * 0.25  -", "c         -       –  1"]


def test_cells_are_never_read_as_markup(capsys):
    assert "[red]x[/red]" in show(capsys, "[b]", ("[i]",), [("[red]x[/red]",)])[-1]


def test_a_table_without_rows_has_its_head(capsys):
    assert show(capsys, "", ("a", "b"), [])[0].split() == ["a", "b"]


def test_text_of_a_script_without_spaces_fits_on_a_terminal(capsys):
    lines = show(capsys, "", ("title",), [("技能" * 60,)], width=80)
    assert len(lines) > 3
