# Nightshift. `make help` lists the targets; everything a target needs, it sets up itself.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
export PYTHONPATH := $(CURDIR)
export SAM_CLI_TELEMETRY := 0

SAM_VENV := .venv-sam
SAM_VERSION := 1.170.0
LAMBDA_PYTHON := python3.13
SAM := sh tools/setup/sam.sh $(LAMBDA_PYTHON) $(SAM_VENV) $(SAM_VERSION)

##@ Start here
.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: PYTHON=python3.12 (setup)  NIGHTSHIFT_PORT=4566 (local stack)  PLAIN=1 (demo)\n'

.PHONY: setup
setup: $(READY) ## make .venv with everything the other targets need

$(READY): pyproject.toml constraints.txt tools/setup/venv.sh
	@sh tools/setup/venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

.PHONY: demo
demo: $(READY) ## break real processes and watch them heal, about 4 minutes (PLAIN=1 for a log)
	@$(PY) -m tools.cli demo $(if $(PLAIN),--plain)

##@ The local stack
.PHONY: up
up: $(READY) ## start the embedded cloud and six nodes, and leave them running (PUSH=batch: they push samples)
	@$(PY) -m tools.cli up $(if $(PUSH),--push $(PUSH))

.PHONY: down
down: $(READY) ## stop them and leave nothing behind
	@$(PY) -m tools.cli down

.PHONY: status
status: $(READY) ## what is running, and is it well
	@$(PY) -m tools.cli status

.PHONY: invoke
invoke: $(READY) ## run one function on one sample: FN=raise_signal EVENT=alarm/cpu_sustained
	@$(PY) -m tools.cli invoke "$(FN)" "$(EVENT)"

##@ Ship it
.PHONY: package
package: $(READY) ## an app's packages for four platforms: APP=web [VERSION=1.0.0] [SOURCE=.] [ARGS=--upload]
	@$(PY) -m tools.cli package "$(APP)" --version "$(VERSION)" --source "$(or $(SOURCE),.)" $(ARGS)

##@ Prove it
.PHONY: test
test: $(READY) ## all tests, with the embedded cloud and real processes
	@sh tools/setup/servers.sh
	@$(PY) -m pytest $(ARGS)

.PHONY: test-unit
test-unit: $(READY) ## pure tests, seconds
	@$(PY) -m pytest tests/unit $(ARGS)

.PHONY: test-fast
test-fast: $(READY) ## everything but the end-to-end tests
	@sh tools/setup/servers.sh
	@$(PY) -m pytest -m "not e2e" --ignore=tests/e2e $(ARGS)

.PHONY: storm
storm: $(READY) ## 200 nodes fail at once, 1,000 signals: leases, pages, time and memory; about six minutes
	@NIGHTSHIFT_STORM=200 $(PY) -m pytest -q tests/e2e/test_storm_proof.py

.PHONY: bench-inspect
bench-inspect: $(READY) ## a pass over 100, 1,000 and 10,000 simulated nodes: calls, memory, price
	@PYTHONPATH="$(CURDIR):$(CURDIR)/layers/nightshift" $(PY) -m bench.inspect

.PHONY: bench-ingest
bench-ingest: $(READY) ## 500 simulated nodes push to the embedded cloud, with two outages; about six minutes
	@PYTHONPATH="$(CURDIR):$(CURDIR)/layers/nightshift" $(PY) -m bench.ingest $(ARGS)

.PHONY: bench-ssh
bench-ssh: $(READY) ## SSH on 1 to 200 real sshd addresses beside four other clients; about five minutes
	@sh tools/setup/servers.sh
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt --group bench
	@PYTHONPATH="$(CURDIR):$(CURDIR)/layers/nightshift:$(CURDIR)/layers/ssh" $(PY) -m bench.ssh

.PHONY: lint
lint: $(READY) ## ruff, mypy, cfn-lint on the template and the state machines, bandit
	@$(PY) -m tools.lint

.PHONY: format
format: $(READY) ## let ruff format the code and mend what it can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

.PHONY: schema
schema: $(READY) ## write nightshift.schema.json anew, after a field of the policy has changed
	@$(PY) -m tools.cli config schema > nightshift.schema.json

##@ To AWS
.PHONY: build
build: ## sam build, in its own environment (needs Python 3.13, the Lambda runtime)
	@$(SAM) build

.PHONY: package-stack
package-stack: build ## upload the built code and write packaged.yaml (needs an AWS account)
	@$(SAM) package --output-template-file .aws-sam/packaged.yaml

.PHONY: deploy
deploy: build ## sam deploy, guided (needs an AWS account)
	@$(SAM) deploy --guided

##@ Tidy up
.PHONY: clean
clean: ## stop the local stack and remove everything that make made
	@if [ -x $(PY) ]; then $(PY) -m tools.cli down; fi
	rm -rf $(VENV) $(SAM_VENV) .aws-sam .nightshift .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . \( -name __pycache__ -o -name .ruff_cache \) -type d -prune -exec rm -rf {} +
