# Needs Python 3.11 or newer and make; everything else goes into .venv.
#   make run PYTHON=python3.12     uses another Python
PYTHON ?= python3
VENV ?= .venv
EXAMPLES ?= 2000

BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help run test fuzz lint bench study imitation esn_rrl clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z_]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: $(READY) ## compare the ready-made strategies on the built-in market and write the HTML report
	$(BIN)/python -m halfspread compare configs/quickstart.toml

test: lint ## lint, type-check and test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

fuzz: $(READY) ## parsers of market data against thousands of made-up files and answers; EXAMPLES=2000
	HALFSPREAD_FUZZ=$(EXAMPLES) $(BIN)/python -m pytest -m fuzz --numprocesses auto --dist worksteal

lint: $(READY) ## check style, format and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: $(READY) ## measure the speed; every benchmark checks its results first
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.events
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.policies
	$(BIN)/python -m benchmarks.dagger
	$(BIN)/python -m benchmarks.esn_rrl
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.imports
	$(BIN)/python -m benchmarks.books
	$(BIN)/python -m benchmarks.fetch

study: $(READY) ## what costs and luck leave of the experts; needs HALFSPREAD_DATA
	$(BIN)/python docs/studies/costs.py

imitation: $(READY) ## what learners take over from their experts; its part on real markets needs HALFSPREAD_DATA
	$(BIN)/python docs/studies/imitation.py

esn_rrl: $(READY) ## the ESN-RRL agent and its paper on real markets; needs HALFSPREAD_DATA
	$(BIN)/python docs/studies/esn_rrl.py

clean: ## remove the environment and everything that tools left behind (never runs/)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "halfspread needs Python 3.11 or newer, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
		echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $(READY)
