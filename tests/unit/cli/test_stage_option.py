"""``--stage``: predicting with what a stage has now, as it is set."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from people import ADMIN
from seamark.cli._models import choose_parts
from seamark.cli.main import app
from seamark.delivery.stage_settings import set_stage
from seamark.errors import ConflictError, NotFoundError, UsageError, WeightsError
from seamark.storage.workspace import create_workspace
from tiny_versions import put_on_stage, register_tiny

TEXT = "You will build data and teach Python. Care for patients."


@pytest.fixture
def folder(tmp_path, tiny_bundle, monkeypatch):
    monkeypatch.setenv("SEAMARK_THREADS", "1")
    with create_workspace(tmp_path / "w") as workspace:
        register_tiny(workspace, tiny_bundle)
        put_on_stage(workspace, "1.0.0", "prod")
        set_stage(workspace, ADMIN, "prod", {"threshold": 0.0, "top": 2})
    return tmp_path / "w"


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def test_a_stage_means_its_version_with_its_threshold_and_number_of_skills(folder):
    chosen = choose_parts(None, None, folder, stage="prod")
    assert (chosen.name, chosen.taxonomy, chosen.threshold, chosen.top) == ("1.0.0", None, 0.0, 2)
    assert chosen.model.endswith("/versions/1.0.0")
    untouched = choose_parts(None, None, folder, stage="dev")
    assert (untouched.threshold, untouched.top) == (None, None)


def test_a_stage_and_a_model_can_not_both_be_named(folder):
    with pytest.raises(UsageError, match="both --model and --stage"):
        choose_parts("1.0.0", None, folder, stage="prod")


def test_a_stage_without_a_version_or_that_there_is_not_is_refused(folder):
    with pytest.raises(ConflictError, match=r"uat has no version.*promote"):
        choose_parts(None, None, folder, stage="uat")
    with pytest.raises(NotFoundError, match=r"no stage 'qa'.*dev, uat, prod"):
        choose_parts(None, None, folder, stage="qa")


def test_a_stage_whose_version_changed_on_disk_is_refused(folder):
    manifest = folder / "store" / "finetuned_models" / "mlops" / "versions" / "1.0.0" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("2026", "2027") + " ")
    with pytest.raises(WeightsError, match="damaged"):
        choose_parts(None, None, folder, stage="prod")


def test_extract_predicts_as_the_stage_is_set_unless_told_otherwise(folder):
    words = ("extract", TEXT, "--json", "--stage", "prod", "--workspace", folder)
    prediction = json.loads(run(*words).stdout)
    assert prediction["modelVersion"] == "1.0.0"
    assert len(prediction["skillExtractOutput"]) == 2
    assert len(json.loads(run(*words, "--top", "1").stdout)["skillExtractOutput"]) == 1
    assert json.loads(run(*words, "--threshold", "1").stdout)["skillExtractOutput"] == []


def test_extract_batch_predicts_as_the_stage_is_set(folder, tmp_path):
    table, output = tmp_path / "t.csv", tmp_path / "out.jsonl"
    table.write_text(f"text\n{TEXT}\n", encoding="utf-8")
    words = ("extract-batch", table, "--text-column", "text", "--output", output, "--workspace", folder)
    run(*words, "--stage", "prod")
    row = json.loads(output.read_text())
    assert (row["modelVersion"], len(row["skillExtractOutput"])) == ("1.0.0", 2)
    refused = CliRunner().invoke(
        app, [*map(str, words), "--overwrite", "--stage", "prod", "--model", "default"]
    )
    assert isinstance(refused.exception, UsageError)
