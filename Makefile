# Everything a developer types. `make demo` shows it, `make check` is for all day, `make test` is what CI runs.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
INPUTS := pyproject.toml constraints.txt scripts/bootstrap.sh
QUICK := tests/unit tests/golden tests/house
# what starts an Airflow runs alone: two at once are too much for a small machine
ALONE := tests/airflow tests/acceptance
ALONGSIDE := $(QUICK) tests/contract tests/integration
COMPILE := uv pip compile pyproject.toml --all-extras --group test --group check --universal --python-version 3.10

# without byte code each Airflow process starts 3 seconds later
unexport PYTHONDONTWRITEBYTECODE
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help venv lint check test demo bench bench-quick bench-newcomer bench-validate bench-factory kill packages constraints clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(DEV) ## the virtual environment .venv with everything for development

$(DEV): $(INPUTS)
	@bash scripts/bootstrap.sh $(VENV) dev
	@touch $(DEV) $(RUN)

$(RUN): $(INPUTS)
	@bash scripts/bootstrap.sh $(VENV) run
	@touch $(RUN)

lint: $(DEV) ## format, style, types and layers
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## lint, unit, golden and house tests: seconds, no server needed
	$(BIN)/pytest -n 2 $(wildcard $(QUICK))

packages:
	@bash scripts/system_packages.sh servers

test: $(DEV) packages ## every test, with real servers and a real Airflow
	@$(BIN)/pytest -n 2 $(wildcard $(ALONGSIDE)); first=$$?; $(BIN)/pytest $(ALONE) && exit $$first

demo: $(RUN) ## Airflow with two demo sources, on this machine, until Ctrl-C
	@exec $(BIN)/python -m demo.run

bench: $(DEV) packages ## how near to the limit rows move, and how far ahead of the peers: 2,000,000 orders, an hour
	$(BIN)/python -m benchmarks.speed $(ARGS)

bench-quick: $(DEV) packages ## the same with 200,000 orders and no peers, under two minutes
	$(BIN)/python -m benchmarks.speed --quick $(ARGS)

bench-newcomer: $(DEV) ## a first table beside sling, dlt and ingestr (installs them in folders of their own)
	$(BIN)/python -m benchmarks.newcomer

bench-validate: $(DEV) ## every golden mistake in one `validate`, against its bar of a second
	$(BIN)/python -m benchmarks.mistakes

kill: $(DEV) packages ## every fault at every point of every kind of load; ARGS="--only postgres/merge --seeds 3"
	$(BIN)/python -m benchmarks.kill $(ARGS)

bench-factory: $(DEV) ## a parse of 1,000 interfaces beside a hand-written loop and dag-factory (in a folder of its own)
	$(BIN)/python -m benchmarks.factory

constraints: $(DEV) ## write constraints.txt anew from pyproject.toml
	$(BIN)/$(COMPILE) --no-emit-index-url --no-annotate --no-header --upgrade --quiet -o constraints.txt

clean: ## remove what the demo and the checks left
	rm -rf .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
