# Tongxing: two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CATALOGUES := $(wildcard translations/*/*/LC_MESSAGES/messages.po)
COMPILED := $(CATALOGUES:.po=.mo)
OPENID_CLIENT := tests/interop/node_modules/.package-lock.json

.PHONY: help demo demo-reset smoke test check bench lock catalogues screenshots clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime $(COMPILED) ## Install, migrate, seed and start everything on SQLite
	@$(BIN)/tongxing demo

demo-reset: $(VENV)/.runtime $(COMPILED) ## Forget the demo's data and start anew
	@$(BIN)/tongxing demo --reset

smoke: $(VENV)/.runtime ## Play the story against the running demo
	@$(BIN)/tongxing smoke

test: $(VENV)/.development $(COMPILED) ## Check the code and run every test against real services
	@scripts/require test
	@$(MAKE) --no-print-directory check $(OPENID_CLIENT)
	@$(BIN)/python -m pytest -n $${TONGXING_TEST_WORKERS:-2} --dist loadfile \
	    --cov=idp.protocol --cov=idp.domain --cov-report=term:skip-covered --cov-fail-under=95 $(PYTEST)

check: $(VENV)/.development ## Lint, formatting, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 20

$(OPENID_CLIENT): tests/interop/package-lock.json
	@npm ci --silent --prefix tests/interop
	@touch $@

bench: $(VENV)/.development $(COMPILED) ## Measure throughput and memory beside the machine's raw speed
	@scripts/require bench
	@$(BIN)/python -m bench

lock: ## Pin every dependency anew, with hashes and without addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml requirements/build.in -o requirements/runtime.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-emit-find-links --extra dev -c requirements/runtime.lock pyproject.toml requirements/build.in \
	    -o requirements/development.lock

catalogues: $(COMPILED) ## Compile the translations

%.mo: %.po | $(VENV)/.runtime
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

$(VENV)/bin/python:
	@scripts/require demo
	@$(PYTHON) -m venv $(VENV)

# The lock names every package: looking for dependencies besides (of an extra, say) would only find newer, unpinned ones.
$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the packages (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/runtime.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.development: requirements/development.lock $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/development.lock
	@touch $@

clean: ## Remove the environment and the demo's data
	rm -rf $(VENV) var tests/interop/node_modules
