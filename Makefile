# The two commands of a fresh clone are `make serve` and `make test`; `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PARITY_VENV := .venv-parity
INT8_VENV := .venv-int8-peers
PIPELINE_VENV := .venv-pipeline
PEERS ?= .peers
TORCH := torch==2.13.0
PIP_FLAGS := --quiet --disable-pip-version-check --no-input
LOCKED = $(VENV)/bin/pip install $(PIP_FLAGS) --require-hashes -r
BUILD_PROJECT = install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .
JAVASCRIPT := tests/javascript
CODE := service export client model_directory training bench deploy tests

.DEFAULT_GOAL := help
.PHONY: help install install-train serve test lint format typecheck parity golden bench bench-int8 bench-peers bench-steadiness models image verify-image compose-up lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Its last file: one that was broken off, or has no pip because Debian's python3-venv is missing, is made again.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "albert-serve needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.serve: requirements/serve.txt requirements/build.txt pyproject.toml | $(VENV)/bin/pip
	@echo "installing the service's locked dependencies; this takes about half a minute"
	@$(LOCKED) requirements/build.txt
	@$(LOCKED) requirements/serve.txt
	@$(VENV)/bin/pip $(BUILD_PROJECT)
	@touch $@

$(VENV)/.export: requirements/export.txt $(VENV)/.serve
	@echo "installing the exporter's locked dependencies"
	@$(LOCKED) requirements/export.txt
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.export
	@echo "installing the tests' locked dependencies"
	@$(LOCKED) requirements/test.txt
	@touch $@

$(JAVASCRIPT)/node_modules/.package-lock.json: $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json
	@if command -v npm > /dev/null; then \
		echo "installing the locked JavaScript client, for the tests with it"; \
		npm ci --prefix $(JAVASCRIPT) --no-audit --no-fund --loglevel=error && touch $@; \
	else \
		echo "npm is not there: the tests with the JavaScript client will be skipped"; \
	fi

$(VENV)/.lint: requirements/lint.txt $(VENV)/.test
	@echo "installing the locked linters"
	@$(LOCKED) requirements/lint.txt
	@touch $@

$(VENV)/.train: requirements/train.txt $(VENV)/.export
	@echo "installing torch and the locked dependencies of training; this takes a few minutes"
	@$(LOCKED) requirements/train.txt
	@$(VENV)/bin/pip install $(PIP_FLAGS) $(TORCH)
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.test
	@echo "installing the bench's locked dependencies"
	@$(LOCKED) requirements/bench.txt
	@touch $@

$(PARITY_VENV)/.parity: requirements/train.txt requirements/build.txt pyproject.toml | $(VENV)/bin/pip
	@echo "making $(PARITY_VENV) with torch and transformers; this takes a few minutes"
	@$(PYTHON) -m venv $(PARITY_VENV)
	@$(PARITY_VENV)/bin/pip install $(PIP_FLAGS) --require-hashes -r requirements/build.txt
	@$(PARITY_VENV)/bin/pip install $(PIP_FLAGS) --require-hashes -r requirements/train.txt
	@$(PARITY_VENV)/bin/pip install $(PIP_FLAGS) $(TORCH)
	@$(PARITY_VENV)/bin/pip $(BUILD_PROJECT)
	@touch $@

$(PIPELINE_VENV)/.pipeline: requirements/pipeline.txt | $(VENV)/bin/pip
	@echo "making $(PIPELINE_VENV) with torch and transformers 5.2.0; this takes a few minutes"
	@$(PYTHON) -m venv $(PIPELINE_VENV)
	@$(PIPELINE_VENV)/bin/pip install $(PIP_FLAGS) --require-hashes -r requirements/pipeline.txt
	@$(PIPELINE_VENV)/bin/pip install $(PIP_FLAGS) $(TORCH)
	@touch $@

$(INT8_VENV)/.peers: requirements/int8-peers.txt | $(VENV)/bin/pip
	@echo "making $(INT8_VENV) with torch, OpenVINO and NNCF; this takes a few minutes"
	@$(PYTHON) -m venv $(INT8_VENV)
	@$(INT8_VENV)/bin/pip install $(PIP_FLAGS) --require-hashes -r requirements/int8-peers.txt
	@$(INT8_VENV)/bin/pip install $(PIP_FLAGS) $(TORCH)
	@touch $@

install: $(VENV)/.export ## make .venv with albert-serve, albert-ask and albert-export
	@echo "done: $(VENV)/bin/albert-serve, $(VENV)/bin/albert-ask and $(VENV)/bin/albert-export"

install-train: $(VENV)/.train ## the same, with torch and transformers, to fine-tune on your own data
	@echo "done: $(VENV)/bin/python -m training finetune --help"

serve: $(VENV)/.serve ## serve the default models on http://127.0.0.1:8000
	@exec $(VENV)/bin/albert-serve --examples

test: $(VENV)/.test $(JAVASCRIPT)/node_modules/.package-lock.json ## run every test that needs no torch (COVERAGE=yes: and say which lines they reach)
	@# Some tests wait for a real service, and a neighbour on the same cores can keep them waiting: what fails is run again by itself.
	$(VENV)/bin/python -m pytest --ignore=tests/parity --numprocesses auto --dist loadfile $(if $(COVERAGE),--cov --cov-report=term) \
		|| $(VENV)/bin/python -m pytest --ignore=tests/parity --last-failed

lint: $(VENV)/.lint ## check style and format
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)

format: $(VENV)/.lint ## mend style and format where that is safe
	$(VENV)/bin/ruff check --fix $(CODE)
	$(VENV)/bin/ruff format $(CODE)

typecheck: $(VENV)/.lint ## check types
	$(VENV)/bin/mypy

parity: $(PARITY_VENV)/.parity ## compare with transformers' own classes (installs CPU torch)
	@$(PARITY_VENV)/bin/python -c 'import torch, transformers'  # without them the tests would be skipped
	$(PARITY_VENV)/bin/python -m pytest tests/parity

golden: $(PIPELINE_VENV)/.pipeline ## ask transformers 5.2.0's pipeline again what tests compare with (DATA=… too)
	$(PIPELINE_VENV)/bin/python -m tests.pipeline $(if $(DATA),--data $(DATA))

bench: $(VENV)/.bench ## measure the service against onnxruntime in process
	$(VENV)/bin/python -m bench

bench-steadiness: $(VENV)/.bench ## measure overload, steady load, fairness and hang-ups
	for part in overload steady fairness hangups; do $(VENV)/bin/python -m bench.$$part || exit 1; done

bench-int8: $(VENV)/.bench $(INT8_VENV)/.peers ## measure int8 exports against what other tools make
	$(VENV)/bin/python -m bench.int8_peers --peers $(INT8_VENV)/bin/python

bench-peers: $(VENV)/.bench ## measure the service beside other servers (installs them; needs wrk)
	$(VENV)/bin/python -m bench.peers --environments $(PEERS)

models: $(PARITY_VENV)/.parity ## remake the default models: make models DATA=… WORK=…
	$(PARITY_VENV)/bin/python -m training all --data $(DATA) --work $(WORK)

image: ## build the container image
	docker build --tag albert-serve .

verify-image: $(VENV)/bin/pip ## prove image and compose file with a container engine (ENGINE=docker)
	$(VENV)/bin/python -m tests.container.verify

compose-up: ## start the service and Prometheus
	docker compose up --detach --build

lock: ## remake the lock files (needs uv)
	sh requirements/compile.sh

clean: ## remove what these commands made
	rm -rf $(VENV) $(PARITY_VENV) $(PIPELINE_VENV) $(INT8_VENV) $(JAVASCRIPT)/node_modules .peers .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
