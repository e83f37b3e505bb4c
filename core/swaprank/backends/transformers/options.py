"""What a config may say about a model on this machine."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from ...requests import (
    Capability,
)
from .._checkpoints.hub import HubAccess
from .._common.models import ModelOptions

_CAPABILITIES = frozenset(
    {
        Capability.TEXT,
        Capability.LABEL_LOGPROBS,
        Capability.SEQUENCE_LOGPROBS,
        Capability.PAIR_SCORE,
        Capability.PROMPT_SCORE,
        Capability.EMBEDDINGS,
        Capability.TOKEN_EMBEDDINGS,
        Capability.VIEWS,
        Capability.FUSED_TEXT,
        Capability.FUSED_ATTENTION,
        Capability.PROMPT_EMBEDDINGS,
        Capability.MARKED_EMBEDDINGS,
        Capability.ATTENTION,
        Capability.TOKENS,
    }
)


class TransformersOptions(ModelOptions):
    """``backend: {type: transformers, ...}``.

    Attributes:
        device: ``"auto"`` (an accelerator if there is one), ``"cpu"``, ``"cuda:1"``, ``"mps"`` ...
        dtype: ``"auto"`` is the accelerator's 16-bit type; on a CPU it is bfloat16 where the CPU multiplies it in
            hardware (AMX, AVX512-BF16), else float32. ``"float32"`` gives the scores of the official codes. The
            16-bit types and `attn_implementation` are torch's; an exported network has its own.
        engine: What runs the network: ``"torch"``, ``"onnx"`` or ``"openvino"``.
        engine_file: Which exported file of the repository to run, for the latter two.
        batch_tokens: Most tokens, padding included, in one forward pass; encoders on a CPU take 4,096 at most.
        revision: Branch, tag or commit of the model on the hub.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        trust_remote_code: Run Python code that comes with the model. Only for sources you trust.
        attn_implementation: Passed to transformers, such as ``"sdpa"`` or ``"flash_attention_2"``. Encoders that have a
            forward pass of ours on CPUs then run transformers' own.
        device_map: Passed to transformers, such as ``"auto"``, to spread a language model over devices.
        quantization: Passed to transformers as ``quantization_config``, such as ``{load_in_4bit: true}``.
        gguf_file: The GGUF file to read in the model's folder or repository (language models).
        adapters: PEFT adapters and sparse fine-tunings (folders or hub ids) merged into the model, in order. A
            model that is itself a PEFT adapter needs no entry here: its base is loaded and it is merged.
        language: Which of the language adapters that are built into an X-MOD model reads the texts, such as
            ``"ar_AR"``; None for the one that the model's config names.
        pooling: How the vectors of a text's tokens become one, in a sentence encoder whose files do not say it: that of
            the first token, the last one, or their mean. None takes the mean, as sentence-transformers does.
        prefix_caching: Whether what many prompts begin with is computed once.
        parse_control_tokens: Whether control tokens of the model that stand in a query or a passage are read
            as such, as official codes do, and not as plain text.
        max_model_len: Most tokens of a prompt and its answer; None for as many as the model's config has
            positions for.
        token: Hub access token; better left to the environment variable ``HF_TOKEN``.
    """

    name: ClassVar[str] = "transformers"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
    extra: ClassVar[str] = "transformers"
    # The revision is that of the files; see `ModelBackend.identity`.
    neutral: ClassVar[frozenset[str]] = ModelOptions.neutral | {
        "device",
        "dtype",
        "batch_tokens",
        "revision",
        "cache_dir",
        "local_files_only",
        "prefix_caching",
        "token",
    }

    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    engine: Literal["torch", "onnx", "openvino"] = "torch"
    engine_file: str | None = None
    batch_tokens: int = Field(default=16384, ge=1)
    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    device_map: str | None = None
    quantization: dict[str, Any] | None = None
    gguf_file: str | None = None
    adapters: tuple[str, ...] = ()
    language: str | None = None
    pooling: Literal["cls", "mean", "lasttoken"] | None = None
    prefix_caching: bool = True
    parse_control_tokens: bool = False
    max_model_len: int | None = Field(default=None, ge=16)
    token: SecretStr | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Options that the engine would not read are mistakes."""
        if self.engine == "torch" and self.engine_file is not None:
            raise ValueError(f"engine_file {self.engine_file!r} is for engine: onnx or openvino, not torch")
        if self.engine != "torch" and (self.dtype in ("bfloat16", "float16") or self.attn_implementation):
            raise ValueError(f"16-bit dtypes and attn_implementation are for engine: torch, not {self.engine}")
        return self

    def hub(self) -> HubAccess:
        """How the model's files are got."""
        return HubAccess(
            self.revision,
            self.cache_dir,
            self.local_files_only,
            self.trust_remote_code,
            self.token,
            engine=self.engine,
            engine_file=self.engine_file,
            gguf_file=self.gguf_file,
        )
