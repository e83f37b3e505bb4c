"""vLLM engines: starting one, asking it, and shutting it down in an order that leaves the others alive."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Literal

from ...errors import BackendError, ConfigError, ResponseError, require
from .._checkpoints.failures import load_failure
from .._checkpoints.limits import end_tokens
from .._checkpoints.source import Source
from .._common.models import ModelDied

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from .options import VllmOptions

# A prompt as vLLM takes it: token ids, and the pictures and bounds of a prompt with images.
Given = dict[str, Any]

# Engines inside this process share the state of torch.distributed and of the forward pass: one works at a time, and
# shutting one down destroys the state for all. So the idle ones wait until the last of them is.
_inside = threading.RLock()
_working: set[int] = set()
_idle: list[Any] = []


class Engine:
    """A running engine; shut down when it is collected and when the process ends.

    Attributes:
        model: The model's name in messages.
        tokenizer: The model's tokenizer, as transformers loads it.
        config: The model's config, as vLLM reads it.
        context: Most tokens of a prompt and its answer.
        ends: Tokens that end an answer, by the generation config and by the config.
        tasks: What vLLM says the model can do.
    """

    def __init__(self, llm: Any, model: str, tokenizer: PreTrainedTokenizerBase, adapter: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.config: Any = llm.model_config.hf_config
        self.context: int = llm.model_config.max_model_len
        self.tasks: frozenset[str] = frozenset(llm.supported_tasks)
        own = llm.model_config
        self.ends = frozenset(
            end_tokens(
                own.try_get_generation_config().get("eos_token_id"), getattr(own.hf_config, "eos_token_id", None)
            )
        )
        self._llm = llm
        self._adapter = adapter
        inside = hasattr(llm.llm_engine.engine_core, "engine_core")
        self._lock = _inside if inside else threading.RLock()
        self._processes: list[Any] = [] if inside else _watched(llm.llm_engine.engine_core)
        if inside:
            _working.add(id(llm))
        self._end = weakref.finalize(self, _retire if inside else _shut_down, llm)

    def generate(self, prompts: Sequence[Sequence[int] | Given], params: Sequence[Any]) -> list[Any]:
        """The request outputs of prompts, each with its ``SamplingParams``."""
        return self._call("generate", prompts, sampling_params=list(params))

    def pool(self, task: Literal["classify", "embed"], prompts: Sequence[Sequence[int]], params: Sequence[Any]) -> Any:
        """The pooled vectors [outputs], in float32, of prompts of token ids, each with its ``PoolingParams``."""
        outputs = self._call("encode", prompts, pooling_params=list(params), pooling_task=task)
        return [output.outputs.data.float().reshape(-1).cpu() for output in outputs]

    def _call(self, what: str, prompts: Sequence[Sequence[int] | Given], **arguments: Any) -> list[Any]:
        if not prompts:
            return []
        given = [prompt if isinstance(prompt, dict) else {"prompt_token_ids": list(prompt)} for prompt in prompts]
        try:
            with self._lock:
                outputs: list[Any] = getattr(self._llm, what)(
                    given, use_tqdm=False, lora_request=self._adapter, **arguments
                )
        except Exception as error:  # engines run code of many hands, which raises anything
            named = isinstance(error, _Ended) or type(error).__name__ == "EngineDeadError"
            if named or not all(one.is_alive() for one in self._processes):
                self._end()
                raise ModelDied(
                    f"The process of vLLM's engine for {self.model!r} has died.",
                    hint="vLLM's log says why, often the memory; the next call starts a new one.",
                    retryable=True,
                ) from error
            raise BackendError(f"vLLM failed on {self.model!r}: {type(error).__name__}: {error}") from error
        if len(outputs) != len(given):
            raise ResponseError(f"vLLM answered {len(outputs)} of {len(given)} prompts of {self.model!r}.")
        return outputs


def start(model: str, options: VllmOptions, **more: Any) -> Engine:
    """Start an engine.

    Args:
        model: Hub id, folder, or ``package:`` path.
        options: The backend's options.
        more: Engine arguments of the kind of runner.

    Raises:
        MissingDependencyError: vLLM is not installed.
        ConfigError: vLLM does not know an engine argument.
        BackendError: The model cannot be loaded.
    """
    vllm: Any = require("vllm", extra="vllm", purpose="backend: vllm")
    source = Source(model, options.hub(), adapters=options.adapters)
    tokenizer = source.tokenizer()
    arguments = engine_arguments(options, **more)
    adapter = None
    if source.adapters:
        if len(source.adapters) > 1:
            raise ConfigError(
                f"The model {model!r} is an adapter itself, and adapters names {options.adapters[0]!r}.",
                hint="vLLM applies one adapter: merge the two, or use backend: transformers.",
            )
        arguments |= {"enable_lora": True, "max_lora_rank": options.max_lora_rank}
        requests = require("vllm.lora.request", extra="vllm", purpose="backend: vllm")
        adapter = requests.LoRARequest("adapter", 1, source.adapters[0][0])
    _check_names(vllm, options)
    try:
        with _starting():
            return Engine(vllm.LLM(source.path, **arguments), model, tokenizer, adapter)
    except Exception as error:  # loaders run code of many hands, which raises anything
        raise load_failure(model, error, trusted=options.trust_remote_code) from error


def engine_arguments(options: VllmOptions, **more: Any) -> dict[str, Any]:
    """The arguments of ``vllm.LLM``: what is None is left to vLLM."""
    arguments: dict[str, Any] = {
        name: getattr(options, name)
        for name in (
            "tensor_parallel_size",
            "pipeline_parallel_size",
            "data_parallel_size",
            "dtype",
            "quantization",
            "gpu_memory_utilization",
            "kv_cache_memory_bytes",
            "max_model_len",
            "limit_mm_per_prompt",
            "enforce_eager",
            "trust_remote_code",
            "revision",
            "download_dir",
            "hf_overrides",
        )
    }
    arguments["tokenizer_revision"] = options.revision
    arguments["hf_token"] = options.token.get_secret_value() if options.token else None
    # vLLM turns it on for whatever model supports it, and complains when it is forced upon others.
    arguments["enable_prefix_caching"] = None if options.enable_prefix_caching else False
    given = {name: value for name, value in arguments.items() if value is not None}
    return {**given, **more, **options.engine_args}


def _check_names(vllm: Any, options: VllmOptions) -> None:
    known = vllm.EngineArgs.__dataclass_fields__
    unknown = sorted(set(options.engine_args) - set(known))
    if unknown:
        raise ConfigError(
            f"engine_args holds {', '.join(unknown)}, which vLLM {vllm.__version__} does not know.",
            hint="Its names are those of vllm.EngineArgs.",
        )


class _Ended(Exception):
    """An engine's process has ended, though the system may call it alive for a moment longer."""


def _watched(core: Any) -> list[Any]:
    """The processes of an engine; when one ends, a call that waits for it is woken, which vLLM lets wait for ever."""
    manager = getattr(getattr(core, "resources", None), "engine_manager", None)
    processes: list[Any] = getattr(manager, "processes", [])

    def wake(answers: Any) -> None:
        wait([one.sentinel for one in processes])
        answers.put_nowait(_Ended())

    if processes and hasattr(core, "outputs_queue"):
        threading.Thread(target=wake, args=(core.outputs_queue,), name="swaprank-vllm", daemon=True).start()
    return processes


@contextmanager
def _starting() -> Iterator[None]:
    """While an engine starts nothing is shut down: collections may happen at any time, in this thread as well."""
    with _inside:
        _working.add(0)
        try:
            yield
        finally:
            _working.discard(0)
            _sweep()


def _retire(llm: Any) -> None:
    """Shut an engine of this process down as soon as no other one works."""
    with _inside:
        _working.discard(id(llm))
        _idle.append(llm)
        _sweep()


def _sweep() -> None:
    while _idle and not _working:
        _shut_down(_idle.pop())


def _shut_down(llm: Any) -> None:
    llm.llm_engine.engine_core.shutdown()
