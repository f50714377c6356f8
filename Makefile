# `make demo` and `make test` work on a fresh machine; each sets up .venv first.
PYTHON ?= python3
VENV   ?= .venv
BENCH  ?=
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check format bench house clean

help:
	@echo 'make demo      sample collection, ingest, three queries, contact sheets, the page'
	@echo 'make test      the tests (a few minutes)'
	@echo 'make test-all  the tests and the slow ones'
	@echo 'make check     ruff and mypy --strict'
	@echo 'make bench     every promise: promised, measured, same-run baseline'
	@echo 'make house     lines and modules against their budgets, circles, long functions'
	@echo 'make format    rewrite the code in the project style'
	@echo 'make clean     remove .venv and everything made here'

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'artsim needs Python 3.11 or newer; say which: make $(MAKECMDGOALS) PYTHON=python3.12'; exit 1; }
	@echo 'Setting up $(VENV) (some minutes the first time) ...'
	@$(PYTHON) -m venv $(VENV)
	@PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $(BIN)/python -m pip install -qq -e '.[dev]'
	@touch $@

demo: $(READY)
	@BIN=$(BIN) ./demo.sh

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'not slow'

test-all: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Real pictures and weights where the tests have them; BENCH='--only search' measures less.
bench: $(READY)
	@ARTSIM_WEIGHTS="$${ARTSIM_WEIGHTS:-$$ARTSIM_TEST_WEIGHTS}" \
	  $(BIN)/python -m benchmarks.speed --check \
	  $${ARTSIM_TEST_DATA:+--data "$$ARTSIM_TEST_DATA/paintings"} \
	  $${ARTSIM_TEST_WEIGHTS:+--encoder onnx:tests/data/encoders/resnet50v2-stage3.json} $(BENCH)

house: $(READY)
	@$(BIN)/python -m benchmarks.house

clean:
	rm -rf $(VENV) demo bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
