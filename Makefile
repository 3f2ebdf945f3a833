# Two commands for a stranger: `make demo` and `make test`. Both set up .venv from nothing and reuse it the next time.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Tests and benchmarks on real data take its folder from here; where it is not set they skip, naming the variable.
ifneq ($(wildcard ../shared/data),)
export PENCHANT_DATA ?= $(abspath ../shared/data)
endif

# Waiting threads sleep instead of spinning, as the command line has it: tests in parallel would starve each other.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test test-long lint docs clean help

help:            ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: $(VENV)/.ready  ## MovieLens-100K: import, train, evaluate, report, serve (ARGS=--no-serve stops after the report)
	$(BIN)/penchant demo $(if $(DATA),--data $(DATA)) $(ARGS)

test: lint       ## lint, types, import contracts, generated docs, then the tests
	$(BIN)/pytest -n 2 -m "not long" $(ARGS)

test-long: $(VENV)/.ready  ## the tests that take minutes
	$(BIN)/pytest -m long $(ARGS)

lint: $(VENV)/.ready  ## ruff, mypy, import contracts, generated docs unchanged
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/reference.py --check

docs: $(VENV)/.ready  ## the documentation as a web site, in site/
	$(BIN)/python scripts/reference.py
	$(BIN)/mkdocs build --strict

$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup.sh
	touch $@

clean:           ## remove what the commands above made
	rm -rf $(VENV) var site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
