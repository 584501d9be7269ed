# Every command of this project. Nothing to install first but make and Python 3.11+ with venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv demo run stop test lint typecheck unit bench load audit fuzz brute simulate simulate-db mutants crash scenarios stories docs lock clean
BIN := .venv/bin
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

venv: .venv/.stamp  ## make or refresh .venv from requirements.lock
.venv/.stamp: requirements.lock pyproject.toml
	@.ci/venv

demo: venv  ## trade the recorded week end to end, then serve the page (ARGS=--no-serve: print the summary and leave)
	@exec $(BIN)/milkbot demo $(ARGS)

run: venv  ## run the trader; without keys: SHADOW on live public data
	@exec $(BIN)/milkbot run $(ARGS)

stop: venv  ## stop the embedded database server
	@$(BIN)/milkbot db stop

test: lint unit  ## every check: lint, types, layers, SQL, tests with coverage (STRICT=1: nothing may be left out)

lint: venv  ## ruff, mypy, import layers, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar migrations dbt_project

unit: venv  ## the tests alone, with coverage
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)
	$(BIN)/coverage report --include='trader/core/*' --fail-under=95

bench: venv  ## measure the budgets and compare them with the committed baseline
	$(BIN)/python -m tests.performance.bench $(ARGS)

BOOKS ?= 100000
brute: venv  ## compare the exposure engine with brute force on BOOKS random books
	$(BIN)/python -m tests.proofs.exposure --books $(BOOKS)

simulate: venv  ## play SEEDS episodes of the whole trader under faults, in virtual time (docs/simulation.md)
	$(BIN)/python -m tests.simulation.run --seeds $(or $(SEEDS),2000) $(ARGS)

mutants: venv  ## put each planted bug into the source, one at a time: a check must fail (docs/simulation.md)
	$(BIN)/python -m tests.proofs.mutants $(ARGS)

crash: venv  ## kill the trader at every point of a cycle, real processes (ARGS="--pairs 500 --seed 1")
	$(BIN)/python -m tests.simulation.crash $(ARGS)

simulate-db: venv  ## the same seeds on a real Postgres behind a proxy that cuts (SEEDS=300)
	$(BIN)/python -m tests.simulation.tier_b --seeds $(or $(SEEDS),100) $(ARGS)

scenarios: venv  ## play the bad nights that have a name, each with its log (docs/simulation.md)
	$(BIN)/python -m tests.simulation.scenarios
	$(BIN)/python -m tests.simulation.processes

fuzz: venv  ## ask API and simulator CASES times a route what their descriptions allow and forbid
	API_CASES=$(or $(CASES),200) $(BIN)/pytest -q -s tests/integration/test_api.py -k made_from_the_schema
	API_CASES=$(or $(CASES),200) $(BIN)/pytest -q tests/contract/test_simulator_openapi.py -k allows_or_forbids

audit: venv  ## bill of materials into .milkbot/sbom.json; secrets in every line the history ever added
	@mkdir -p .milkbot
	$(BIN)/cyclonedx-py requirements --output-reproducible -o .milkbot/sbom.json requirements.lock
	@$(BIN)/python -c 'import json; print("bill of materials:", len(json.load(open(".milkbot/sbom.json"))["components"]), "packages")'
	$(BIN)/python -m tests.architecture.secrets
	@echo "not run: published weaknesses of these packages; that needs the network (docs/testing.md)"

load: venv  ## a crowd before the page, through the proxy, beside a plain app (ARGS=--quick: 100 visitors only)
	$(BIN)/python -m tests.performance.load $(ARGS)

stories: venv  ## table of stories against the tests that prove them
	@$(BIN)/python -m tests.architecture.stories

docs: venv  ## write the generated lists (docs/settings.md)
	$(BIN)/python -m tests.architecture.generated

lock: venv  ## resolve pyproject.toml again into requirements.lock: pinned, hashed, without host names
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links pyproject.toml --extra dev -o requirements.lock

clean:  ## remove what the tools left behind; data in .milkbot stays
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov \
	  dbt_project/target dbt_project/logs build *.egg-info

# ---- the warehouse
.PHONY: tieout worlds mutate-embargo parity scale dbt-docs
tieout: venv  ## play N random histories: refreshes = full build = plain Python, to the last digit (200: about an hour; ARGS="-n 2": half)
	WAREHOUSE_HISTORIES=$(or $(N),200) $(BIN)/pytest tests/warehouse/test_histories.py -q $(ARGS)

worlds: venv  ## what the public role can observe of worlds that differ in their last hour only, and planted leaks
	WORLDS=all $(BIN)/pytest tests/integration/test_warehouse.py -q -s -k look_equal $(ARGS)

parity: venv  ## build the marts on DuckDB from exported Parquet, compare every cell (N histories; ARGS="--data-dir .milkbot": a demo's)
	$(BIN)/python -m tests.warehouse.parity --histories $(or $(N),3) $(ARGS)

scale: venv  ## refresh and public queries on made-up histories (FILLS="10000 1000000"; ten times as many snapshots)
	$(BIN)/python -m tests.performance.warehouse --fills $(or $(FILLS),10000 100000) $(ARGS)

dbt-docs: venv  ## dbt's own pages about the warehouse of the last demo, into .milkbot/dbt/docs (open index.html)
	@set -a && . $(or $(MILKBOT_DATA_DIR),.milkbot)/env && $(BIN)/python -m tests.warehouse.dbt_docs

mutate-embargo: venv  ## change 60 minutes to 59, one place at a time: a test must fail for each
	$(BIN)/python -m tests.proofs.embargo

# ---- the trader over days
.PHONY: soak
soak: venv  ## `milkbot run` for 2,000 hurried cycles, then killed at random (25 minutes; ARGS=--kills 0)
	$(BIN)/python -m tests.performance.soak $(ARGS)

# ---- the whole server
.PHONY: retention server chaos canary
server: venv  ## install in a copy of this machine, perform the runbook, upgrade, remove; writes docs/runbook_times.md (root)
	$(BIN)/python -m tests.server.run $(ARGS)

retention: venv  ## 400 daily backups in a real restic repository: what is kept must be what the rule keeps (10 minutes)
	$(BIN)/python -m tests.integration.deploy.retention $(ARGS)

canary: venv  ## a secret in every slot, all services at work and in trouble, then a search everywhere (five minutes)
	$(BIN)/python -m tests.canary.run

chaos: venv  ## break each part of a whole server on loopback, write docs/chaos.md (45 minutes; root for the full disk)
	$(BIN)/python -m tests.chaos.run $(ARGS)
