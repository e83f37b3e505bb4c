"""The http backend against real vLLM servers, beside the transformers backend with the same weights."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from swaprank import Reranker
from swaprank.requests import Embed, Generate, LabelLogprobs, PairScore, SequenceLogprob
from tests.methods.llm import INPUTS
from tests.real_vllm.conftest import transformers
from tests.real_vllm.test_vllm_requests import LOGPROB, TEXTS, prompts
from tests.real_vllm.widened import sentence_model, widened

pytest.importorskip("httpx")

# Ready in half a minute; a busy machine takes minutes.
STARTING, STOPPING = 400, 30


@contextmanager
def served(model: str, runner: str, log):
    """The address of a server of a model under the name "tiny"."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--runner", runner]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "tiny", "--dtype", "float32"]
    command += ["--enforce-eager", "--kv-cache-memory-bytes", str(64 << 20)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    with log.open("wb") as output:
        # A group of its own: a server that is stopped while it starts leaves its workers behind.
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(server, address, log)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOPPING)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(server, address: str, log) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{address}/health", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"The server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def http(address: str, api: str, **options):
    from swaprank.backends.http.backend import HttpBackend
    from swaprank.backends.http.options import HttpOptions

    return HttpBackend("tiny", HttpOptions(base_url=address, api=api, **options))


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """A language model behind a server, and here."""
    model = widened("tiny-llama3-lm")
    with served(model, "generate", tmp_path_factory.mktemp("server") / "language.log") as address:
        yield http(address, "openai-completions", server="vllm", tokenizer=model), transformers(model)


@pytest.fixture(scope="module", params=["tiny-bert-cross-encoder"])
def pairs(request, tmp_path_factory):
    """A cross-encoder behind a server, and here."""
    model = widened(request.param)
    with served(model, "pooling", tmp_path_factory.mktemp("server") / "pairs.log") as address:
        yield address, transformers(model, parse_control_tokens=True)


class TestLanguage:
    """A server that writes."""

    def test_labels(self, language) -> None:
        ours, theirs = language
        requests = [LabelLogprobs(prompt, ("yes", "no", " the"), max_length=60) for prompt in prompts()]
        requests += [LabelLogprobs(prompt, ("A", "B", "C"), spellings=True) for prompt in prompts()]
        for one, other in zip(ours.run(requests), theirs.run(requests), strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.usage == other.usage

    def test_sequences(self, language) -> None:
        ours, theirs = language
        requests = [SequenceLogprob(prompt, "high cost of harbours") for prompt in prompts()]
        for one, other in zip(ours.run(requests), theirs.run(requests), strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.usage == other.usage

    def test_generation(self, language) -> None:
        ours, theirs = language
        requests = [Generate(prompt, 24, watch=(" the", " a")) for prompt in prompts()]
        stops = [answer.text[5:8] for answer in theirs.run(requests)]
        requests += [
            Generate(prompt, 24, stop=(stop,))
            for prompt, stop in zip(prompts(), stops, strict=True)
            if stop and "\ufffd" not in stop
        ]
        for one, other in zip(ours.run(requests), theirs.run(requests), strict=True):
            assert (one.text, one.tokens, one.ending) == (other.text, other.tokens, other.ending)
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.watched == pytest.approx(other.watched, abs=LOGPROB)

    @pytest.mark.parametrize("method", ["pointwise-yes-no", "pointwise-qlm", "setwise", "rankgpt", "zero-shot"])
    def test_orders(self, language, method) -> None:
        assert_same_ranking(*language, {"method": method, "model": "tiny"})


class TestPairs:
    """A server that scores."""

    @pytest.mark.parametrize("api", ["vllm-score", "vllm-rerank"])
    def test_scores(self, pairs, api) -> None:
        address, theirs = pairs
        requests = [
            PairScore(query, text, max_length=length)
            for query in ("What does the harbour cost?", "Who? " * 40)
            for text in filter(None, TEXTS)  # beside an empty text the server leaves the second separator out
            for length in (None, 48)
        ]
        for one, other in zip(http(address, api).run(requests), theirs.run(requests), strict=True):
            assert one.logit == pytest.approx(other.logit, abs=LOGPROB)
            assert (one.activation, one.activated) == (other.activation, pytest.approx(other.activated, abs=LOGPROB))

    @pytest.mark.parametrize("api", ["vllm-score", "vllm-rerank"])
    def test_orders(self, pairs, api) -> None:
        address, theirs = pairs
        assert_same_ranking(http(address, api), theirs, {"method": "cross-encoder", "model": "tiny"})


def test_embeddings(tmp_path) -> None:
    pytest.importorskip("sentence_transformers")
    model = sentence_model("lasttoken", True)
    # The server cuts nothing, and refuses what is too long.
    texts = [text for text in TEXTS if len(text) < 60]
    requests = [Embed(text, role, prompt=f"{role}: ") for text in texts for role in ("query", "passage")]
    # The server tokenizes, and reads control tokens in texts as such.
    expected = transformers(model, parse_control_tokens=True).run(requests)
    with served(model, "pooling", tmp_path / "texts.log") as address:
        answers = http(address, "openai-embeddings").run(requests)
    for one, other in zip(answers, expected, strict=True):
        assert list(one.vector) == pytest.approx(list(other.vector), abs=LOGPROB)


def assert_same_ranking(ours, theirs, config) -> None:
    for case in ("edison", "arabic"):
        given = INPUTS[case]
        texts = [document["text"] for document in given["documents"]]
        one, other = (Reranker(config, backend=backend).rerank(given["query"], texts) for backend in (ours, theirs))
        assert one.order == other.order
        assert one.scores == pytest.approx(other.scores, abs=1e-4, rel=1e-4)
        assert one.score_kind == other.score_kind
