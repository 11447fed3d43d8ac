# What a person or CI does with this repository; `make help` lists it.
PYTHON ?= python3
VENV := .venv
FLOOR := .venv-floor
BIN := $(VENV)/bin
ARGS ?=
# Without .pyc files every Airflow process starts two to four times slower.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo deployment test lint test-fast test-services test-slow test-floor test-install bench docs pins clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## install everything into .venv

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed; name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --compile -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

demo: setup ## the whole lifecycle on real data under a real Airflow (ARGS=--exit ends by itself)
	$(BIN)/python -m demo $(ARGS)

deployment: setup ## what docker-compose.yaml says, as processes; a worker dies in the middle (ARGS=--exit ends by itself)
	$(BIN)/python -m deployment $(ARGS)

# A file stays on one worker: its tests share servers and databases, and some tell one story in order.
test: setup lint ## what CI runs first: lint, types, layers and every tier that needs no server
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not services" $(ARGS)

# Kubernetes is built beside the tests that need none of it, and those that do come last; once for a machine.
test-services: setup ## what CI runs next: databases, S3, MLflow, Spark, a cluster, SageMaker and the deployment, started here and ended again
	@$(BIN)/python -m tests.services.cluster.programs & building=$$!; \
		$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m services $(ARGS); \
		status=$$?; wait $$building; exit $$status

lint: setup ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/yamllint --strict docker docker-compose.yaml deployment dags

test-fast: setup ## the pure and glue tiers alone
	$(BIN)/python -m pytest -n 2 -m "not slow and not services and not integration and not browser" $(ARGS)

test-slow: setup ## Monte-Carlo checks of the stated error rates
	$(BIN)/python -m pytest -n 2 -m slow --timeout 3600 $(ARGS)

$(FLOOR)/.installed: requirements/floor.txt pyproject.toml
	$(PYTHON) -m venv $(FLOOR)
	$(FLOOR)/bin/pip install --quiet --compile -r requirements/floor.txt
	$(FLOOR)/bin/pip install --quiet --no-deps -e .
	touch $@

test-floor: $(FLOOR)/.installed ## the glue tier and every Dag on the oldest supported Airflow, 3.1
	# An old Airflow warns of what it was to change since; those warnings are not ours to answer.
	$(FLOOR)/bin/python -m pytest -n 2 --dist loadfile -m floor -W default $(ARGS)

test-install: setup ## the wheel into fresh Airflow 3.1, 3.2 and 3.3, each extra alone; needs a package index
	$(BIN)/python -m tests.install $(ARGS)

bench: setup ## measure against the goals and the peers, each in its own environment (ARGS=slices runs one table)
	$(BIN)/python -m benchmarks $(ARGS)

docs: setup ## the reference, from docstrings, into docs/_build
	$(BIN)/python -m docs.build $(ARGS)

pins: ## compile requirements/*.txt again
	$(PYTHON) -m pip install --quiet uv
	for name in dev floor; do \
		$(PYTHON) -m uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --quiet \
			pyproject.toml requirements/$$name.in --extra all --extra demo -o requirements/$$name.txt; \
	done

clean: ## remove what the commands made, but not .venv
	rm -rf .venv-bench .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache docs/_build
