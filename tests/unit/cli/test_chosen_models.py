"""`--model`: a version of the workspace, or what the library knows."""

from __future__ import annotations

import pytest

from people import ADMIN
from registry_fakes import register
from seamark.cli._models import choose_parts, resolve_model
from seamark.errors import UsageError, WeightsError


@pytest.mark.parametrize(
    "name", ["default", "all-MiniLM-L6-v2", "./runs/x/bundle", "1.0", "01.0.0", "v1.0.0", ""]
)
def test_what_is_no_number_of_a_version_is_left_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_model(name) == name


def test_a_version_needs_a_workspace(tmp_path):
    with pytest.raises(UsageError, match="workspace"):
        resolve_model("1.0.0", tmp_path)


def test_an_unknown_version_is_refused(tmp_path):
    from seamark.storage.workspace import create_workspace

    create_workspace(tmp_path / "w", environ={}).close()
    with pytest.raises(UsageError, match=r"no version 1\.0\.0"):
        resolve_model("1.0.0", tmp_path / "w")


# ---- --model and --taxonomy together


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """The folder of a workspace with two versions and a taxonomy of two releases."""
    from seamark.registry.releases import import_taxonomy
    from seamark.storage.workspace import create_workspace

    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    with create_workspace(tmp_path / "w", environ={}) as made:
        for titles in (("Python", "Nursing"), ("Python", "Nursing", "Welding")):
            source = tmp_path / "own.csv"
            source.write_text("skill_id,title\n" + "".join(f"{title},{title}\n" for title in titles))
            import_taxonomy(made, ADMIN, source, name="own")
        register(made, "first")
        register(made, "second", weights="w2")
    return tmp_path / "w"


def test_a_workspace_s_newest_version_is_taken_and_told(workspace, capsys, monkeypatch):
    monkeypatch.chdir(workspace)
    chosen = choose_parts(None, None)
    assert (chosen.name, chosen.taxonomy) == ("1.1.0", None)
    assert chosen.model.endswith("/versions/1.1.0")
    told = capsys.readouterr()
    assert "the newest version 1.1.0 with esco@1.0.0; --model default is the model that ships" in told.err
    assert told.out == ""


def test_the_model_that_ships_needs_no_workspace(workspace, capsys):
    chosen = choose_parts("default", None, workspace)
    assert (chosen.name, chosen.model, chosen.taxonomy) == ("default", "default", None)
    assert capsys.readouterr().err == ""


def test_an_empty_workspace_takes_the_model_that_ships(tmp_path, capsys):
    from seamark.storage.workspace import create_workspace

    create_workspace(tmp_path / "w", environ={}).close()
    assert choose_parts(None, None, tmp_path / "w").model == "default"
    assert capsys.readouterr().err == ""


def test_outside_of_a_workspace_all_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose_parts(None, "esco").model == "default"
    assert choose_parts("m", "esco@1.0.0").taxonomy == "esco@1.0.0"


@pytest.mark.parametrize(("name", "number"), [("own", "1.1.0"), ("own@1.0.0", "1.0.0")])
def test_a_taxonomy_s_name_means_the_workspace_s_release(workspace, name, number, capsys):
    chosen = choose_parts("default", name, workspace)
    assert (chosen.taxonomy.name, chosen.taxonomy.version) == ("own", number)
    assert capsys.readouterr().err == ""


def test_a_release_that_is_not_there_is_refused_with_those_that_are(workspace):
    with pytest.raises(UsageError, match=r"no release 3\.0\.0; expected one of 1\.0\.0, 1\.1\.0"):
        choose_parts("default", "own@3.0.0", workspace)


@pytest.mark.parametrize("name", ["starter", "some/file.csv"])
def test_a_taxonomy_that_the_workspace_does_not_know_is_left_as_it_is(workspace, name):
    assert choose_parts("default", name, workspace).taxonomy == name


def test_another_taxonomy_than_the_version_s_own_can_be_named(workspace, capsys):
    chosen = choose_parts(None, "own@1.0.0", workspace)
    assert (chosen.name, chosen.taxonomy.version) == ("1.1.0", "1.0.0")
    assert "the newest version 1.1.0;" in capsys.readouterr().err


def test_a_version_whose_manifest_was_replaced_is_refused(workspace):
    manifest = workspace / "store" / "finetuned_models" / "mlops" / "versions" / "1.0.0" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("2026", "2027"))
    with pytest.raises(WeightsError, match=r"manifest\.json has sha256"):
        resolve_model("1.0.0", workspace)
    with pytest.raises(WeightsError, match=r"manifest\.json has sha256"):
        choose_parts("1.0.0", "own", workspace)
