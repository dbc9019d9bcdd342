# Each target does all its set-up from nothing. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup test demo demo-stop lint check clean

setup: $(STAMP)

# torch first and alone: where a CPU build is to be had under that name, pip must meet it before
# another package asks for "torch" and brings the CUDA build.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,train,dev]'
	touch $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

# Ends with a service running in the background; demo-stop ends it.
demo: $(STAMP)
	$(BIN)/seamark demo --output demo

demo-stop:
	@if [ -x $(BIN)/seamark ]; then $(BIN)/seamark demo --stop --output demo; fi

clean: demo-stop
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
