# Two commands do everything: `make run` and `make test`.
VENV   ?= .venv
PYTHON ?= python3
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help

help:            ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

# One stamp per environment: it is made again when a lock file changes.
$(VENV)/.stamp-run: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.stamp-dev: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

run: $(VENV)/.stamp-run  ## Set everything up and serve a real small model without a card
	$(VENV)/bin/axm1 demo

# The tests wait for processes more than they compute. A file's tests share their services: they stay together;
# files keep their order, since the longest (the soak) has few tests and would otherwise come last and alone.
SIDE_BY_SIDE := -n logical --maxprocesses=4 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.stamp-dev  ## Set everything up and run every test
	tools/install-debian-packages
	$(MAKE) --no-print-directory $(UI)
	$(VENV)/bin/python tools/clients.py >/dev/null  # not within a test: a slow network is no reason to fail
	$(VENV)/bin/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=term --cov-report=json:.coverage.json

lint: $(VENV)/.stamp-dev  ## Check style, types and import directions
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

matrix: $(VENV)/.stamp-dev  ## Try every fault in every phase, and write its page again
	MATRIX_FIGURES=docs/reference/fault-matrix.json $(VENV)/bin/python -m pytest -q tests/matrix
	$(VENV)/bin/python tools/generate_docs.py

bench: $(VENV)/.stamp-dev  ## Measure the wrapper beside the bare runtime
	$(VENV)/bin/python bench/run.py

SECONDS ?= 3600
soak: $(VENV)/.stamp-dev  ## Run a random mix of prompts, faults and restarts: SECONDS=3600, SEED=any text
	PYTHONPATH=tests $(VENV)/bin/python -m soak --seconds $(SECONDS) --seed "$(SEED)"

KILLS ?= 50
soak-kills: $(VENV)/.stamp-dev  ## kill -9 either service KILLS=50 times under load, and say how soon all is back
	PYTHONPATH=tests $(VENV)/bin/python -m soak --kills $(KILLS) --seed "$(SEED)"

INPUTS ?= 1000000
fuzz: $(VENV)/.stamp-dev  ## Try a million inputs on all that reads what others wrote
	$(PIP) install --quiet --require-hashes -r requirements/fuzz.txt
	$(VENV)/bin/python tools/fuzzing.py --inputs $(INPUTS) --seed $(or $(SEED),0)

clients: $(VENV)/.stamp-dev  ## Make the environments of the clients that the tests use
	$(VENV)/bin/python tools/clients.py

# What builds and checks the web page; its own bundle is part of the source, so that nobody else needs node.
UI := ui/node_modules/.package-lock.json
$(UI): ui/package-lock.json
	npm ci --prefix ui --ignore-scripts --no-audit --no-fund --silent

ui: $(UI)        ## Build the web page again, after a change in ui/ (needs node)
	npm run --prefix ui --silent lint
	npm run --prefix ui --silent bundle

docs: $(VENV)/.stamp-dev  ## Write docs/reference and the dashboard again from the code, and build the site
	$(VENV)/bin/python tools/generate_docs.py
	$(VENV)/bin/python tools/generate_dashboard.py
	$(VENV)/bin/python tools/site.py

lock: $(VENV)/.stamp-dev  ## Resolve the lock files again
	tools/lock

audit:           ## Look for known vulnerabilities in the locked dependencies (asks the package index)
	tools/audit

test-images: ## Build both images on a home-made base and try them on a real engine
	tools/test-images

.PHONY: help run test lint matrix bench soak soak-kills fuzz clients ui docs lock audit test-images
