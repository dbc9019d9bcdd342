from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# benchmarks/ is no part of the installed package
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks._baseline import describe_skill
from benchmarks._machine import describe_machine, find_data, read_versions, round_figures, write_result
from benchmarks._operations import Shape, count_operations
from benchmarks._tables import compute_percentile, cut_rounds, format_figure, format_table
from benchmarks._texts import cut_to_words, read_postings
from benchmarks._worker import Worker

from seamark.taxonomy.skill import Skill

_ROOT = Path(__file__).resolve().parents[2]
_MINILM = Shape(layers=6, hidden=384, intermediate=1536)

_ECHO = """
import sys
from benchmarks._worker import serve

def load():
    print("loading, says a library")
    def extract(texts, threshold):
        print("working, says a library")
        return [[text, str(threshold)] for text in texts]
    return extract

serve(load)
"""


class TestFormatTable:
    def test_first_column_stands_left_and_figures_right(self) -> None:
        table = format_table(["who", "rate"], [["a", 12345.6], ["longer", 1.5]])

        assert table.splitlines() == [
            "who       rate",
            "------  ------",
            "a       12,346",
            "longer    1.50",
        ]

    def test_title_comes_first_and_a_blank_line_after_it(self) -> None:
        assert format_table(["a"], [["b"]], title="Rates").splitlines()[:3] == ["Rates", "", "a"]

    def test_no_rows_leave_the_headers(self) -> None:
        assert format_table(["a", "b"], []) == "a  b\n-  -"

    def test_row_of_another_length_is_refused(self) -> None:
        with pytest.raises(ValueError, match="2 cells"):
            format_table(["a", "b"], [["c"]])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("text", "text"),
        (True, "True"),
        (0, "0"),
        (1383, "1,383"),
        (0.0, "0.00"),
        (0.00001, "0.0000"),
        (0.01234, "0.0123"),
        (0.5, "0.500"),
        (-0.5, "-0.500"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (99.96, "100.0"),
        (100.4, "100"),
        (float("inf"), "inf"),
    ],
)
def test_figure_keeps_three_digits_that_matter(value: object, shown: str) -> None:
    assert format_figure(value) == shown


class TestPercentile:
    @pytest.mark.parametrize(("percent", "expected"), [(50, 100), (90, 180), (99, 198), (100, 200), (0.1, 1)])
    def test_is_the_nearest_rank(self, percent: float, expected: int) -> None:
        assert compute_percentile(list(range(200, 0, -1)), percent) == expected

    def test_of_one_value_is_that_value(self) -> None:
        assert compute_percentile([7.0], 1) == 7.0

    @pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 100.1), ([1.0], -1)])
    def test_without_values_or_out_of_range_is_refused(self, values: list[float], percent: float) -> None:
        with pytest.raises(ValueError, match="per cent"):
            compute_percentile(values, percent)

    @given(
        values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
        percent=st.integers(1, 100),
    )
    @settings(max_examples=50, deadline=None)
    def test_is_reached_by_that_share_and_by_no_smaller_value(
        self, values: list[float], percent: int
    ) -> None:
        found = compute_percentile(values, percent)

        assert sum(value <= found for value in values) * 100 >= percent * len(values)
        assert sum(value < found for value in values) * 100 < percent * len(values)


class TestCutRounds:
    @given(items=st.lists(st.integers(), max_size=60), n_rounds=st.integers(1, 12))
    @settings(max_examples=60, deadline=None)
    def test_keeps_every_item_in_order_in_stretches_of_like_length(
        self, items: list[int], n_rounds: int
    ) -> None:
        rounds = cut_rounds(items, n_rounds)

        assert [item for part in rounds for item in part] == items
        assert len(rounds) == min(n_rounds, len(items))
        sizes = [len(part) for part in rounds]
        assert not sizes or max(sizes) - min(sizes) <= 1

    def test_no_round_is_refused(self) -> None:
        with pytest.raises(ValueError, match="0 rounds"):
            cut_rounds([1], 0)


class TestCountOperations:
    def test_of_one_token_in_the_smallest_encoder_can_be_counted_by_hand(self) -> None:
        # 4 + 2 weights, a multiplication and an addition each; scores and weighted sum, as many
        assert count_operations([1], Shape(layers=1, hidden=1, intermediate=1)) == 2 * 6 + 4

    def test_of_minilm_are_its_weights_twice_and_attention(self) -> None:
        weights = 6 * (4 * 384**2 + 2 * 384 * 1536)

        assert count_operations([10], _MINILM) == 2 * 10 * weights + 4 * 6 * 10**2 * 384

    def test_of_no_text_are_none(self) -> None:
        assert count_operations([], _MINILM) == 0

    @given(lengths=st.lists(st.integers(0, 512), max_size=20))
    @settings(max_examples=30, deadline=None)
    def test_add_up_over_texts(self, lengths: list[int]) -> None:
        assert count_operations(lengths, _MINILM) == sum(count_operations([n], _MINILM) for n in lengths)

    def test_of_texts_joined_are_more_than_of_both_apart(self) -> None:
        assert count_operations([20], _MINILM) > count_operations([10, 10], _MINILM)


class TestCutToWords:
    def test_longer_text_is_cut_and_keeps_its_line_breaks(self) -> None:
        assert list(cut_to_words(["one two\n\n- three four"], 4)) == ["one two\n\n- three"]

    def test_text_of_just_as_many_words_stays_whole(self) -> None:
        assert list(cut_to_words([" one two \n"], 2)) == ["one two"]

    def test_shorter_texts_are_joined(self) -> None:
        assert list(cut_to_words(["one", "two three", "four"], 3)) == ["one\n\ntwo three"]

    def test_too_few_words_give_nothing(self) -> None:
        assert list(cut_to_words(["one", "  ", ""], 2)) == []

    def test_text_that_came_before_is_passed_over(self) -> None:
        assert list(cut_to_words(["one two", "one two ", "three four"], 2)) == ["one two", "three four"]

    def test_no_words_are_refused(self) -> None:
        with pytest.raises(ValueError, match="0 words"):
            list(cut_to_words(["one"], 0))

    @given(texts=st.lists(st.text(alphabet="ab \n\t\u00a0", max_size=30), max_size=20), n=st.integers(1, 9))
    @settings(max_examples=60, deadline=None)
    def test_each_has_exactly_so_many_words(self, texts: list[str], n: int) -> None:
        assert all(len(text.split()) == n for text in cut_to_words(texts, n))


class TestReadPostings:
    def test_leaves_out_blank_ones_and_keeps_the_order(self, tmp_path: Path) -> None:
        path = tmp_path / "postings.csv"
        path.write_text('title,description\na,"first, of two\nlines"\nb,\nc,"  "\nd,007\n', encoding="utf-8")

        assert read_postings(path) == ["first, of two\nlines", "007"]

    def test_limit_gives_the_first(self, tmp_path: Path) -> None:
        path = tmp_path / "postings.csv"
        path.write_text("text\na\nb\nc\n", encoding="utf-8")

        assert read_postings(path, column="text", limit=2) == ["a", "b"]


def test_baseline_is_given_title_alternatives_and_description() -> None:
    skill = Skill("1", "weld", description="Join metal.", alternative_titles=("do welding", "join metal"))

    assert describe_skill(skill) == "weld do welding join metal Join metal."
    assert describe_skill(Skill("1", "weld")) == "weld"


@pytest.mark.data
def test_baseline_skills_read_as_its_own_file_does(data_dir: Path) -> None:
    from seamark.taxonomy import Taxonomy

    skills = {
        skill.skill_id.rsplit("/", 1)[-1]: skill for skill in Taxonomy.load(data_dir / "esco" / "v1.1.0")
    }
    described = describe_skill(skills["0005c151-5b5a-4a66-8aac-60e734beb1ab"])

    assert described.startswith("manage musical staff manage staff of music")
    assert described.count("manage musical staff") == 1
    assert "  " not in described


class TestMachine:
    def test_description_has_what_every_result_needs(self) -> None:
        machine = describe_machine()

        assert machine["precision"] in ("bf16", "f32")
        assert machine["cores"] >= 1
        assert {"cpu", "memory_gb", "bf16_instructions", "load_before"} <= set(machine)
        json.dumps(machine)

    def test_versions_leave_out_what_is_not_installed(self) -> None:
        found = read_versions(["numpy", "no-such-package-anywhere"])

        assert set(found) == {"python", "numpy"}

    def test_peak_memory_keeps_what_was_held_once(self) -> None:
        # in a process of its own: this one may have held more before
        code = (
            "from benchmarks._machine import read_peak_memory as read\n"
            "before = read(); held = bytearray(b'x') * 50_000_000; del held; print(read() - before)"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, check=True)

        assert 45 < float(done.stdout) < 150

    def test_variable_names_the_data(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SEAMARK_TEST_DATA", str(tmp_path))

        assert find_data() == tmp_path


@pytest.mark.parametrize(
    ("content", "rounded"),
    [
        (1.23456789, 1.2346),
        (0.000123456789, 0.00012346),
        (1234567.89, 1234568),
        (-1234567.89, -1234568),
        (1234567, 1234567),
        ("1.23456789", "1.23456789"),
        (None, None),
        (True, True),
        ({"a": [1.23456789, {"b": (2.0,)}]}, {"a": [1.2346, {"b": [2.0]}]}),
    ],
)
def test_rounding_keeps_five_digits_at_any_depth(content: object, rounded: object) -> None:
    assert round_figures(content) == rounded


class TestWriteResult:
    def test_file_holds_name_date_and_content(self, tmp_path: Path) -> None:
        path = write_result("rate", {"figures": {"a": 1.5}}, folder=tmp_path / "new")

        assert path == tmp_path / "new" / "rate.json"
        read = json.loads(path.read_text(encoding="utf-8"))
        assert read["benchmark"] == "rate"
        assert read["figures"] == {"a": 1.5}
        assert len(read["date"]) == 10

    def test_what_cannot_be_written_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = write_result("rate", {"figures": 1}, folder=tmp_path)

        with pytest.raises(TypeError):
            write_result("rate", {"figures": object()}, folder=tmp_path)

        assert json.loads(path.read_text(encoding="utf-8"))["figures"] == 1
        assert list(tmp_path.iterdir()) == [path]


class TestWorker:
    def test_answers_in_order_whatever_libraries_print(self) -> None:
        with Worker([sys.executable, "-c", _ECHO]) as worker:
            first = worker.extract(["a", "ü"], ids=True)
            second = worker.extract(["b"], threshold=0.25, ids=True)
            third = worker.extract([])

        assert worker.loaded["memory_mb"] > 0
        assert first["ids"] == [["a", "None"], ["ü", "None"]]
        assert first["skills"] == 4
        assert second["ids"] == [["b", "0.25"]]
        assert third["skills"] == 0
        assert "ids" not in third

    def test_one_that_fails_says_why(self) -> None:
        with pytest.raises(SystemExit, match="no such thing"):
            Worker([sys.executable, "-c", "raise RuntimeError('no such thing')"])
