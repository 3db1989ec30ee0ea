# `make demo` and `make test` set up all they need: a virtual environment with locked packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q
READY := $(VENV)/.ready
# These parts run beside all the rest, each a process of its own; what they print follows at the end.
# Those of the server wait more than they work.
PARTS := waiting storing asking
waiting := $(addprefix tests/,leaks server sockets)
storing := $(addprefix tests/,journal ledger reconcile)
asking := $(addprefix tests/,boundary cli_policy clients configured docs doctor faults_are_real \
  formats importing openai_format review stateful support unit/policy witness)
BESIDE := $(foreach part,$(PARTS),$($(part)))
# A price list of others, out of a wheel that is fetched and not installed.
PRICE_MAP := $(VENV)/witness/model_prices_and_context_window_backup.json
# LiteLLM has an environment of its own: what it needs is no part of this.
ORACLE := $(VENV)/oracle
# These run for as long as they are told, each by itself.
LONG := tests/soak tests/fuzz tests/kill
IN_PARTS = $(foreach part,$(PARTS),$(PYTEST) $($(part)) > $(VENV)/$(part).log 2>&1 & $(part)=$$!;) \
	trap 'kill $(PARTS:%=$$%)' INT TERM; \
	$(PYTEST) $(BESIDE:%=--ignore=%) $(LONG:%=--ignore=%); failed=$$?; \
	$(foreach part,$(PARTS),wait $$$(part) || failed=1; cat $(VENV)/$(part).log;) exit $$failed

.DEFAULT_GOAL := help
.PHONY: help demo test faults soak fuzz kill prices oracle nightly check format lint types imports bench docs lock \
  clean

help: ## Show this list.
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Missing: Python 3.11 or newer (set PYTHON=...)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Too old: $$($(PYTHON) --version); Python 3.11 or newer is needed (set PYTHON=...)."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Missing: Python's venv module (on Debian: apt-get install python3-venv)."; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@if command -v uv >/dev/null && UV_SYSTEM_CERTS=true uv pip install --quiet \
	    --python $(BIN)/python --no-deps --require-hashes -r requirements.lock; then :; \
	  else $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --require-hashes -r requirements.lock; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(READY) ## Run a tour over emulated platforms: no credentials, no network.
	@$(BIN)/gateway demo

test: $(READY) ## Run the tests, on two cores.
	@echo "Running the tests on two cores; this takes some minutes."
	@$(IN_PARTS)

faults: $(READY) ## Run every fault on every platform through every door, and print the table.
	@TIDEGATE_FAULTS=all $(PYTEST) tests/faults

soak: $(READY) ## Hold 300 streams through faults for TIDEGATE_SOAK_S seconds (60).
	@$(PYTEST) -s tests/soak

fuzz: $(READY) ## Feed hostile bytes to what reads them for TIDEGATE_FUZZ_S seconds (60).
	@$(PYTEST) -s tests/fuzz

$(PRICE_MAP): requirements-witness.lock $(READY)
	@echo "Fetching a public price list ..."
	@rm -rf $(@D)
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --only-binary :all: --dest $(@D) --requirement requirements-witness.lock
	@$(BIN)/python -c 'import pathlib, sys, zipfile; wheel, to = map(pathlib.Path, sys.argv[1:]); \
	  to.write_bytes(zipfile.ZipFile(wheel).read("litellm/" + to.name)); wheel.unlink()' \
	  $(@D)/litellm-*.whl $@

prices: $(READY) $(PRICE_MAP) ## Hold the price book against two public price lists.
	@$(BIN)/gateway prices check --litellm $(PRICE_MAP)
	@$(BIN)/python -m docs.price_tables --check $(PRICE_MAP)

$(ORACLE)/.ready: requirements-oracle.lock
	@echo "Setting up an environment for LiteLLM ..."
	@$(PYTHON) -m venv --clear $(ORACLE)
	@$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --require-hashes -r requirements-oracle.lock
	@touch $@

oracle: $(READY) $(ORACLE)/.ready ## Ask LiteLLM anew what it makes of requests in the OpenAI format.
	@$(BIN)/python -m tests.openai_format.oracle.cases > $(ORACLE)/asked.json
	@$(ORACLE)/bin/python tests/openai_format/oracle/ask_litellm.py \
	  < $(ORACLE)/asked.json > $(ORACLE)/told.json
	@mv $(ORACLE)/told.json tests/data/litellm/requests.json

kill: $(READY) ## Kill a gateway under load TIDEGATE_KILLS times (20), and look for every attempt.
	@$(PYTEST) tests/kill

nightly: $(READY) ## Run all tests with the long sizes.
	@export TIDEGATE_NIGHTLY=1 TIDEGATE_LAWS=100000 TIDEGATE_REPLAYS=1500; $(IN_PARTS)
	@TIDEGATE_NIGHTLY=1 $(MAKE) --no-print-directory faults
	@TIDEGATE_KILLS=200 $(MAKE) --no-print-directory kill
	@TIDEGATE_SOAK_S=300 $(MAKE) --no-print-directory soak
	@TIDEGATE_FUZZ_S=600 $(MAKE) --no-print-directory fuzz

check: format lint types imports ## Check format, lint, types and import rules.

format: $(READY)
	@$(BIN)/ruff format --check --quiet || { echo "Run: $(BIN)/ruff format"; exit 1; }

lint: $(READY)
	@$(BIN)/ruff check --quiet

types: $(READY)
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(READY)
	@$(BIN)/lint-imports

bench: $(READY) ## Print CPU and first-content times, beside the floor and nginx.
	@$(BIN)/python -m bench

docs: $(READY) $(PRICE_MAP) ## Write the generated tables of the docs anew.
	@$(BIN)/python -m docs.failover_tables
	@$(BIN)/python -m docs.emulator_tables
	@$(BIN)/python -m docs.capability_tables
	@$(BIN)/python -m docs.operating_tables
	@$(BIN)/python -m docs.price_tables $(PRICE_MAP)
	@$(BIN)/python -m docs.usage_example

lock: ## Write the lock files anew (needs uv).
	@UV_SYSTEM_CERTS=true uv pip compile pyproject.toml --all-extras --group dev --universal \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --quiet --output-file requirements.lock
	@head -n 2 requirements-witness.lock > $(VENV)/witness.lock
	@grep -o '^litellm==[^ ]*' requirements-witness.lock | UV_SYSTEM_CERTS=true uv pip compile - \
	  --no-deps --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --no-annotate --quiet >> $(VENV)/witness.lock
	@mv $(VENV)/witness.lock requirements-witness.lock
	@head -n 2 requirements-oracle.lock > $(VENV)/oracle.lock
	@grep -o '^litellm==[^ ]*' requirements-oracle.lock | UV_SYSTEM_CERTS=true uv pip compile - \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --quiet >> $(VENV)/oracle.lock
	@mv $(VENV)/oracle.lock requirements-oracle.lock

clean: ## Remove what was set up and built.
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
