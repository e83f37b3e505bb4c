"""Models on this machine: language models through transformers, encoders through sentence-transformers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, SecretStr, model_validator

from ..backend import Backend, BackendOptions
from ..errors import ResponseError, SwaprankError
from ..gathering import Gatherer
from ..requests import (
    Attend,
    Capability,
    Embed,
    EmbedPrompt,
    EmbedTokens,
    Generate,
    LabelLogprobs,
    PairScore,
    Request,
    Response,
    SequenceLogprob,
    Views,
)
from ._shared import shared

_CAPABILITIES = frozenset(
    {
        Capability.TEXT,
        Capability.LABEL_LOGPROBS,
        Capability.SEQUENCE_LOGPROBS,
        Capability.PAIR_SCORE,
        Capability.EMBEDDINGS,
        Capability.TOKEN_EMBEDDINGS,
        Capability.VIEWS,
        Capability.PROMPT_EMBEDDINGS,
        Capability.ATTENTION,
    }
)


class TransformersOptions(BackendOptions):
    """``backend: {type: transformers, ...}``.

    Attributes:
        device: ``"auto"`` (an accelerator if there is one), ``"cpu"``, ``"cuda:1"``, ``"mps"`` ...
        dtype: ``"auto"`` is the accelerator's 16-bit type; on a CPU it is float32, except that language
            models take bfloat16 where the CPU multiplies it in hardware (AMX, AVX512-BF16). The 16-bit types
            and `attn_implementation` are torch's; an exported network has its own.
        engine: What runs the network: ``"torch"``, ``"onnx"`` or ``"openvino"``.
        engine_file: Which exported file of the repository to run, for the latter two.
        batch_tokens: Most tokens, padding included, in one forward pass.
        revision: Branch, tag or commit of the model on the hub.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        trust_remote_code: Run Python code that comes with the model. Only for sources you trust.
        attn_implementation: Passed to transformers, such as ``"sdpa"`` or ``"flash_attention_2"``.
        device_map: Passed to transformers, such as ``"auto"``, to spread a language model over devices.
        quantization: Passed to transformers as ``quantization_config``, such as ``{load_in_4bit: true}``.
        gguf_file: The GGUF file to read in the model's folder or repository (language models).
        adapters: PEFT adapters and sparse fine-tunings (folders or hub ids) merged into the model, in order. A
            model that is itself a PEFT adapter needs no entry here: its base is loaded and it is merged.
        language: Which of the language adapters that are built into an X-MOD model reads the texts, such as
            ``"ar_AR"``; None for the one that the model's config names.
        prefix_caching: Whether what many prompts begin with is computed once.
        parse_control_tokens: Whether control tokens of the model that stand in a query or a passage are read
            as such, as official codes do, and not as plain text.
        gather_ms: While calls come from several threads or tasks at a time: milliseconds to wait for more of them
            before a batch is computed.
        max_model_len: Most tokens of a prompt and its answer; None for as many as the model's config has
            positions for.
        token: Hub access token; better left to the environment variable ``HF_TOKEN``.
    """

    name: ClassVar[str] = "transformers"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
    extra: ClassVar[str] = "transformers"

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
    prefix_caching: bool = True
    parse_control_tokens: bool = False
    gather_ms: float = Field(default=2.0, ge=0, le=1000)
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

    def build(self, model: str) -> Backend:
        """The backend for a hub id, a folder, or ``package:<import name>/<folder>``."""
        return TransformersBackend(model, self)


class Runner(Protocol):
    """A loaded model that answers requests of its kind."""

    def run(self, requests: Sequence[Any]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order."""


_KINDS: dict[type[Request], str] = {
    PairScore: "pairs",
    Embed: "texts",
    EmbedTokens: "tokens",
    Views: "views",
    Generate: "language",
    LabelLogprobs: "language",
    SequenceLogprob: "language",
    Attend: "language",
    EmbedPrompt: "prompts",
}


class TransformersBackend:
    """Answers requests with a model of this process; loads at the first one.

    All backends of the process with the same model and options share it, and its batches.
    """

    name = "transformers"
    capabilities = _CAPABILITIES

    def __init__(self, model: str, options: TransformersOptions) -> None:
        self.model = model
        self.options = options
        key = ("transformers", model, options.model_dump_json())
        self._gatherer = shared(key, lambda: Gatherer(Models(model, options), options.gather_ms / 1000))

    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order."""
        return self._gatherer.submit(requests).result()

    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Answer all requests, in order, without blocking the event loop."""
        return await asyncio.wrap_future(self._gatherer.submit(requests))

    def __reduce__(self) -> tuple[type[TransformersBackend], tuple[str, TransformersOptions]]:
        """Pickle without the loaded model."""
        return TransformersBackend, (self.model, self.options)


class Models:
    """What a model id stands for, loaded once per kind of request that comes."""

    def __init__(self, model: str, options: TransformersOptions) -> None:
        self.model = model
        self.options = options
        self._runners: dict[str, Runner] = {}

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order."""
        places: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            kind = _KINDS.get(type(request))
            if kind is None:
                raise ResponseError(f"The transformers backend cannot answer a {type(request).__name__} request.")
            places.setdefault(kind, []).append(place)
        responses: dict[int, Response | SwaprankError] = {}
        for kind, own in places.items():
            answers = self.runner(kind).run([requests[place] for place in own])
            responses.update(zip(own, answers, strict=True))
        return [responses[place] for place in range(len(requests))]

    def runner(self, kind: str) -> Runner:
        """What answers this kind of request; loaded now if it was not before."""
        if kind not in self._runners:
            self._runners[kind] = self._load(kind)
            # Libraries and a model are a million objects. Looked through now, by this thread, they do not hold up an
            # event loop later, when the collector would come to them in the middle of a call.
            gc.collect()
        return self._runners[kind]

    def _load(self, kind: str) -> Runner:
        from . import _loading, _pretrained

        if kind == "language":
            return _pretrained.language_model(self.model, self.options)
        if kind == "tokens":
            return _pretrained.token_encoder(self.model, self.options)
        if kind == "views":
            return _pretrained.views_model(self.model, self.options)
        if kind == "prompts":
            return _pretrained.prompt_encoder(self.model, self.options)
        if kind == "texts":
            return _loading.load("bi-encoder", self.model, self.options)
        if _pretrained.is_decoder(self.model, self.options):
            return _pretrained.classifier(self.model, self.options)
        return _loading.load("cross-encoder", self.model, self.options)


BACKEND = TransformersOptions
