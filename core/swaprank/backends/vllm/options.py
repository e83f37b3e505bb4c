"""What a config may say about an engine of vLLM."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from ...requests import Capability
from .._checkpoints.hub import HubAccess
from .._common.models import ModelOptions

_CAPABILITIES = frozenset(
    {
        Capability.TEXT,
        Capability.LABEL_LOGPROBS,
        Capability.SEQUENCE_LOGPROBS,
        Capability.PAIR_SCORE,
        Capability.EMBEDDINGS,
        Capability.TOKENS,
    }
)


class VllmOptions(ModelOptions):
    """``backend: {type: vllm, ...}``; the names are those of vLLM's engine arguments.

    Attributes:
        tensor_parallel_size: Over how many devices each layer is spread.
        pipeline_parallel_size: Over how many devices the layers are spread.
        data_parallel_size: How many copies of the model there are. vLLM allows more than one in its server and
            under an external launcher (see ``docs/vllm.md``).
        dtype: ``"auto"`` is vLLM's choice: the model's own 16-bit type, and 16 bits for a float32 model.
        quantization: vLLM's name of the method, such as ``"fp8"`` or ``"awq"``; None for what the model says.
        gpu_memory_utilization: Share of each device's memory to take; None for vLLM's default.
        kv_cache_memory_bytes: Bytes of keys and values to keep; takes the place of `gpu_memory_utilization`.
        max_model_len: Most tokens of a prompt and its answer; None for what the model's config allows.
        limit_mm_per_prompt: Most images of a prompt, ``{"image": 4, "video": 0}``; vLLM sets memory aside for so many,
            and refuses prompts with more. None for vLLM's default.
        enforce_eager: Whether to go without compiled graphs: loads sooner, runs slower on GPUs.
        enable_prefix_caching: Whether what prompts begin with is computed once.
        trust_remote_code: Run Python code that comes with the model. Only for sources you trust.
        revision: Branch, tag or commit of the model on the hub.
        download_dir: Where downloads are kept; None for the hub library's default.
        adapters: A LoRA adapter (folder or hub id) to apply; vLLM applies one. A model that is itself an adapter
            needs no entry here: its base is loaded and it is applied.
        max_lora_rank: The largest rank of an adapter.
        hf_overrides: Entries that replace those of the model's config.
        logits: Whether label answers hold raw logits, too. vLLM then hands over those of the whole vocabulary for
            each prompt, which is slow, and the engine answers nothing but labels; for ``bge-llm-reranker``,
            ``zerank`` and ``contextual-rerank-v2``.
        parse_control_tokens: Whether control tokens of the model that stand in a query or a passage are read as
            such, as official codes do, and not as plain text.
        engine_args: Any other argument of vLLM's ``EngineArgs``.
        token: Hub access token; better left to the environment variable ``HF_TOKEN``.
    """

    name: ClassVar[str] = "vllm"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
    extra: ClassVar[str] = "vllm"
    neutral: ClassVar[frozenset[str]] = ModelOptions.neutral | {
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "enable_prefix_caching",
        "revision",
        "download_dir",
        "token",
    }

    tensor_parallel_size: int = Field(default=1, ge=1)
    pipeline_parallel_size: int = Field(default=1, ge=1)
    data_parallel_size: int = Field(default=1, ge=1)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: str | None = None
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    kv_cache_memory_bytes: int | None = Field(default=None, ge=1)
    max_model_len: int | None = Field(default=None, ge=16)
    limit_mm_per_prompt: dict[str, Annotated[int, Field(ge=0)]] | None = None
    enforce_eager: bool = False
    enable_prefix_caching: bool = True
    trust_remote_code: bool = False
    revision: str | None = None
    download_dir: str | None = None
    adapters: tuple[str, ...] = Field(default=(), max_length=1)
    max_lora_rank: int = Field(default=16, ge=1)
    hf_overrides: dict[str, Any] | None = None
    logits: bool = False
    parse_control_tokens: bool = False
    engine_args: dict[str, Any] = Field(default_factory=dict)
    token: SecretStr | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        """What has an option of its own is said there."""
        own = {
            *type(self).model_fields,
            "model",
            "runner",
            "tokenizer",
            "hf_token",
            "enable_lora",
            "logprobs_mode",
            "pooler_config",
        }
        twice = sorted(own & set(self.engine_args))
        if twice:
            raise ValueError(f"engine_args holds {', '.join(twice)}, which is an option of its own or the backend's")
        return self

    def hub(self) -> HubAccess:
        """How the tokenizer and the config of the model are got; vLLM itself gets the weights."""
        return HubAccess(self.revision, self.download_dir, False, self.trust_remote_code, self.token)
