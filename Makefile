# Every target sets up what it needs. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Where it is set, each of the many Python processes of a run would compile again whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/requirements-dev.sha256
# checkov has some hundred dependencies and pins an old boto3, so it has an environment of its own.
LINT_VENV := .venv-lint
LINT_READY := $(LINT_VENV)/requirements-lint.sha256
LAYER := dist/layer.zip
# Five workers on any machine: tests wait for Terraform, state machines and injected delays, so they overlap.
PYTEST_WORKERS ?= 5
# How many runs of the chaos suite. It prints its SEED, which plays the same runs again; SHRINK=1 makes a failing one smaller.
RUNS ?= 500
# More for pytest, for example: make test PYTEST_ARGS="-k restore"
PYTEST_ARGS ?=
# What make lint does when no advisory service answers: warn, or fail (required), as before a release.
AUDIT ?= warn
# For each of the targets of make fuzz.
FUZZ_SECONDS ?= 60
# How each long run of docs/reliability.md begins.
RELIABILITY := PYTHONPATH=.:lambda_src:cli/src $(PY) -W ignore -m tests.reliability
UV_COMPILE := compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

.PHONY: help setup dist test long unit demo sandbox bench chaos corruption fuzz crashes scale lint format docs lock clean terraform

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the locked tools (again only when the lock changed)
	@:

dist: $(READY) ## Build dist/: function.zip, layer.zip, their bill of materials and SHA256SUMS
	@$(PY) -m scripts.build_dist

test: $(READY) $(LAYER) terraform ## Run all tests: unit, repo, plan, sandbox, apply, scenario
	@$(PY) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup --tf-binary terraform $(PYTEST_ARGS)

long: $(READY) $(LAYER) terraform ## Run the tests that make test leaves out: what others show, elsewhere or once more
	@$(PY) -m pytest -m "long or hypothesis" --hypothesis-profile long -n $(PYTEST_WORKERS) --dist loadgroup --tf-binary terraform $(PYTEST_ARGS)

corruption: $(READY) ## Damage every byte of small backups, and see that each damage is refused before the first write
	@$(RELIABILITY).corruption "$(CASE)"

unit: $(READY) ## Run the unit tests alone, in seconds; needs no Terraform
	@$(PY) -m pytest -p no:terraform tests/unit $(PYTEST_ARGS)

fuzz: $(READY) ## Fuzz everything that reads, guided by coverage, FUZZ_SECONDS for each target (Linux on x86-64)
	@$(RELIABILITY).fuzz --seconds $(FUZZ_SECONDS)

demo: $(READY) $(LAYER) terraform ## Back up, damage and restore three tables in the sandbox, and prove it
	@$(PY) -m scripts.demo

sandbox: $(READY) $(LAYER) ## Start a small AWS on 127.0.0.1 and print how to use it
	@$(PY) -m sandbox

bench: $(READY) ## Measure restore and verify speed
	@test -d benchmarks || { echo "There are no benchmarks in this tree."; exit 1; }
	@$(PY) -m benchmarks

crashes: $(READY) ## Kill every use case at every one of its AWS calls, and look how the next invocation ends it
	@$(RELIABILITY).crashes

chaos: $(READY) ## Back up, damage and restore random tables amid random faults (RUNS=500; SEED=1 RUNS=1 plays one run again)
	@$(RELIABILITY).chaos --runs $(RUNS) $(if $(SEED),--seed $(SEED)) $(if $(SHRINK),--shrink)

scale: $(READY) ## Rehearse large deployments: payloads, requests, CPU time and memory against AWS's limits
	@$(RELIABILITY).scale

lint: $(READY) $(LINT_READY) ## Check style, types, imports, Terraform (formatting, security), and the packages: licences, known vulnerabilities
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(PY) -m mypy
	@PYTHONPATH=lambda_src $(VENV)/bin/lint-imports
	@if command -v terraform >/dev/null; then terraform fmt -check -recursive -diff; fi
	@$(PY) -m scripts.lint_terraform $(LINT_VENV)
	@$(PY) -m scripts.supply.check_licenses $(VENV) $(LINT_VENV)
	@$(PY) -m scripts.supply.audit --mode $(AUDIT)

format: $(READY) ## Format Python and Terraform
	@$(VENV)/bin/ruff check --fix-only
	@$(VENV)/bin/ruff format
	@if command -v terraform >/dev/null; then terraform fmt -recursive; fi

docs: $(READY) terraform ## Write the generated part of the documentation again
	@$(PY) -m scripts.tf_docs
	@$(PY) -m scripts.permissions

lock: $(READY) ## Pin and hash the newest versions that the .in files allow (needs uv)
	@command -v uv >/dev/null || { echo "Locking needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip $(UV_COMPILE) --upgrade lambda_src/requirements.in -o lambda_src/requirements.txt
	uv pip $(UV_COMPILE) --upgrade requirements-dev.in -o requirements-dev.txt
	uv pip $(UV_COMPILE) --upgrade requirements-lint.in -o requirements-lint.txt
	uv pip $(UV_COMPILE) --upgrade cli/requirements.in -o cli/requirements.txt

clean: ## Remove environments, caches and what can be built again
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build $(LAYER)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The script compares digests: a new time of change alone, as after git checkout, installs nothing.
$(READY): requirements-dev.txt scripts/install_tools.py scripts/find_python.sh
	@python=$$(scripts/find_python.sh) && "$$python" scripts/install_tools.py $(VENV) $<

$(LINT_READY): requirements-lint.txt scripts/install_tools.py scripts/find_python.sh
	@python=$$(scripts/find_python.sh) && "$$python" scripts/install_tools.py $(LINT_VENV) $<

$(LAYER): lambda_src/requirements.txt scripts/build_dist.py | $(READY)
	@$(PY) -m scripts.build_dist --layer

terraform:
	@command -v terraform >/dev/null || { echo "Terraform 1.9 or newer is needed and not on PATH: https://developer.hashicorp.com/terraform/install"; exit 1; }
