"""What is light stays light: heavy packages are loaded only by what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "openvino",
    "polars",
    "pandera",
    "torch",
    "transformers",
    "httpx",
    "tokenizers",
    "onnxruntime",
}


def find_loaded(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED ")[2].split())


HELP = """
sys.argv = ["seamark", {arguments}]
from seamark.cli.main import main
try:
    main()
except SystemExit as leaving:
    assert not leaving.code, leaving.code
"""


@pytest.mark.parametrize(
    "code",
    [
        "import seamark",
        "import seamark.errors, seamark.settings, seamark.extraction, seamark.building",
        "from seamark import Document, Prediction, SeamarkError, Span",
        HELP.format(arguments="'--help'"),
        HELP.format(arguments="'extract', '--help'"),
        HELP.format(arguments="'--version'"),
    ],
)
def test_heavy_packages_stay_out(code):
    assert find_loaded(code) & HEAVY == set()


def test_predicting_needs_no_torch():
    loaded = find_loaded(
        "import seamark.extraction.models; from seamark import Extractor, Taxonomy; Taxonomy.starter()"
    )
    assert loaded & {"torch", "transformers", "onnx", "onnxruntime", "sklearn", "scipy"} == set()


def test_every_public_name_is_there():
    import seamark

    assert {name: getattr(seamark, name) for name in seamark.__all__}.keys() == set(seamark.__all__)
    assert set(dir(seamark)) == set(seamark.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Extracter'"):
        _ = seamark.Extracter
