"""The vllm backend without vLLM: options, errors, the life of engines. What it answers is tested in tests/real_vllm."""

import gc
import importlib.util
import pickle
import sys
from types import ModuleType, SimpleNamespace

import pytest

from swaprank import ConfigError, Reranker
from swaprank.backends.vllm import engine
from swaprank.backends.vllm.backend import VllmBackend
from swaprank.backends.vllm.options import VllmOptions
from swaprank.errors import BackendError, MissingDependencyError, ResponseError
from swaprank.requests import LabelLogprobs
from tests.conftest import MODELS

MODEL = str(MODELS / "tiny-llama3-lm")


class Core:
    """An engine core of this process, which tells when it is shut down."""

    def __init__(self, log, name) -> None:
        self.engine_core, self._log, self._name = None, log, name

    def shutdown(self) -> None:
        self._log.append(self._name)


class EngineDeadError(Exception):
    """As vLLM calls it."""


def _given(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def fake(monkeypatch):
    """A module in vLLM's place whose engines compute nothing."""
    started, stopped, answers = [], [], []

    def engine(model, **arguments):
        started.append({"model": model, **arguments})
        config = SimpleNamespace(eos_token_id=[4])
        return SimpleNamespace(
            model_config=SimpleNamespace(
                hf_config=config, max_model_len=64, try_get_generation_config=lambda: {"eos_token_id": 7}
            ),
            supported_tasks=["generate"],
            llm_engine=SimpleNamespace(engine_core=Core(stopped, len(started))),
            generate=lambda *_, **__: _given(answers.pop() if answers else ZeroDivisionError()),
        )

    module = ModuleType("vllm")
    module.LLM, module.SamplingParams, module.__version__ = engine, SimpleNamespace, "0"
    module.EngineArgs = SimpleNamespace(__dataclass_fields__={"swap_space": None, "max_num_seqs": None})
    monkeypatch.setitem(sys.modules, "vllm", module)
    return SimpleNamespace(started=started, stopped=stopped, answers=answers)


class TestOptions:
    """What a config says is what vLLM gets."""

    def test_what_is_not_said_is_left_to_vllm(self) -> None:
        arguments = engine.engine_arguments(VllmOptions(), runner="generate")
        assert arguments == {
            "tensor_parallel_size": 1,
            "pipeline_parallel_size": 1,
            "data_parallel_size": 1,
            "dtype": "auto",
            "enforce_eager": False,
            "trust_remote_code": False,
            "runner": "generate",
        }

    def test_what_is_said_is_passed_on(self) -> None:
        options = VllmOptions(
            tensor_parallel_size=2,
            quantization="fp8",
            gpu_memory_utilization=0.5,
            max_model_len=4096,
            revision="abc",
            enable_prefix_caching=False,
            hf_overrides={"rope_theta": 1.0},
            engine_args={"swap_space": 1},
            token="secret",
        )
        arguments = engine.engine_arguments(options)
        wanted = {"tensor_parallel_size": 2, "quantization": "fp8", "gpu_memory_utilization": 0.5, "revision": "abc"}
        wanted |= {"tokenizer_revision": "abc", "enable_prefix_caching": False, "hf_overrides": {"rope_theta": 1.0}}
        wanted |= {"swap_space": 1, "hf_token": "secret", "max_model_len": 4096}
        assert wanted.items() <= arguments.items()
        assert "secret" not in repr(options)

    @pytest.mark.parametrize("twice", ["model", "dtype", "runner", "tensor_parallel_size"])
    def test_one_place_for_each_option(self, twice) -> None:
        with pytest.raises(ValueError, match=twice):
            VllmOptions(engine_args={twice: 1})

    def test_unknown_keys_are_refused(self) -> None:
        config = {"method": "rankgpt", "model": "m", "backend": {"type": "vllm", "tensor_parallel": 2}}
        with pytest.raises(ConfigError, match="tensor_parallel_size"):
            Reranker(config)

    def test_two_adapters_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="adapters"):
            Reranker({"method": "rankgpt", "model": "m", "backend": {"type": "vllm", "adapters": ["a", "b"]}})

    def test_backends_travel_without_their_engines(self) -> None:
        backend = VllmBackend(MODEL, VllmOptions(max_model_len=64))
        backend._batcher.model._runners["language"] = SimpleNamespace()
        again = pickle.loads(pickle.dumps(backend))
        assert (again.model, again.options, again._held) == (MODEL, backend.options, None)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_the_way_out_is_said() -> None:
    with pytest.raises(MissingDependencyError, match=r'pip install "swaprank\[vllm\]"'):
        VllmBackend(MODEL, VllmOptions()).run([LabelLogprobs("a", ("b",))])


@pytest.mark.torch
class TestEngines:
    """One engine for each model and options; errors that name the model; an orderly end."""

    def ask(self, backend):
        return backend.run([LabelLogprobs("The harbour", (" the",))])

    def test_engine_arguments_that_vllm_does_not_know(self, fake) -> None:
        with pytest.raises(ConfigError, match="swap_spaces"):
            self.ask(VllmBackend(MODEL, VllmOptions(engine_args={"swap_spaces": 1})))
        assert not fake.started

    def test_one_engine_is_shared(self, fake) -> None:
        backends = [VllmBackend(MODEL, VllmOptions(max_model_len=32)) for _ in range(2)]
        for backend in backends:
            with pytest.raises(BackendError, match=r"vLLM failed on .*tiny-llama3-lm.*ZeroDivisionError"):
                self.ask(backend)
        assert len(fake.started) == 1

    def test_an_answer_for_another_number_of_prompts(self, fake) -> None:
        fake.answers.append([])
        with pytest.raises(ResponseError, match="0 of 1 prompts"):
            self.ask(VllmBackend(MODEL, VllmOptions(max_model_len=33)))

    @pytest.mark.parametrize(("told", "own"), [(EngineDeadError, 35), (engine._Ended, 36)])
    def test_an_engine_that_died_is_replaced_at_the_next_call(self, fake, told, own) -> None:
        backend = VllmBackend(MODEL, VllmOptions(max_model_len=own))
        fake.answers.append(told())
        with pytest.raises(BackendError, match=r"process of vLLM's engine for .*tiny-llama3-lm.* has died") as caught:
            self.ask(backend)
        assert caught.value.retryable
        assert (len(fake.started), fake.stopped) == (1, [1])
        with pytest.raises(BackendError, match="ZeroDivisionError"):
            self.ask(backend)
        assert (len(fake.started), fake.stopped) == (2, [1])

    def test_the_ends_are_those_of_both_configs(self, fake) -> None:
        assert engine.start(MODEL, VllmOptions()).ends == {4, 7}

    def test_no_engine_of_this_process_ends_while_another_works(self, fake) -> None:
        """Ending one destroys what all of them share."""
        gc.collect()
        first, second = (engine.start(MODEL, VllmOptions()) for _ in range(2))
        del first
        gc.collect()
        assert fake.stopped == []
        del second
        gc.collect()
        assert sorted(fake.stopped) == [1, 2]

    def test_a_closed_backend_starts_anew(self, fake) -> None:
        fake.answers.extend([[], []])
        backend = VllmBackend(MODEL, VllmOptions(max_model_len=34))
        for started in (1, 2):
            with pytest.raises(ResponseError):
                self.ask(backend)
            assert len(fake.started) == started
            backend.close()
            gc.collect()
        assert fake.stopped == [1, 2]
