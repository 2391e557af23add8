# Everything from a bare machine: `make demo`, `make test`. Needs Python 3.11 or newer; PYTHON and VENV can be set.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
WEIGHTS = weights/pyproject.toml $(wildcard weights/fishfsr_weights/*)

.PHONY: demo test crash lint docs wheel clean

demo: $(VENV)/installed
	$(BIN)/fishprep demo demo --overwrite

# Bytecode is kept, whatever the environment says: each of the processes that tests start would else compile everything anew.
test: $(VENV)/installed-dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

crash: $(VENV)/installed-dev
	FISHFSR_TEST_CRASH=all $(BIN)/python -m pytest tests/crash tests/e2e/test_pillow_images.py -s -o faulthandler_timeout=20000

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

wheel: $(VENV)/installed-dev
	PYTHON=$(BIN)/python .ci/wheel

clean:
	rm -rf $(VENV) demo site dist

$(VENV)/installed: pyproject.toml $(WEIGHTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable . ./weights
	touch $@

$(VENV)/installed-dev: pyproject.toml $(WEIGHTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]' ./weights
	touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml $(WEIGHTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]' ./weights
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
