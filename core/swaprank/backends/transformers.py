"""Models on this machine through transformers, loaded by sentence-transformers (torch, ONNX, OpenVINO)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from ..backend import Backend, BackendOptions, LocalBackend
from ..errors import ResponseError
from ..requests import Capability, Embed, PairScore, Request, Response
from ._shared import shared

if TYPE_CHECKING:
    from ._encoders import Encoder

_CAPABILITIES = frozenset({Capability.PAIR_SCORE, Capability.EMBEDDINGS})


class TransformersOptions(BackendOptions):
    """``backend: {type: transformers, ...}``.

    Attributes:
        device: ``"auto"`` (an accelerator if there is one), ``"cpu"``, ``"cuda:1"``, ``"mps"`` ...
        dtype: ``"auto"`` is float32 on a CPU and the accelerator's 16-bit type elsewhere. The 16-bit types
            and `attn_implementation` are torch's; an exported network has its own.
        engine: What runs the network: ``"torch"``, ``"onnx"`` or ``"openvino"``.
        engine_file: Which exported file of the repository to run, for the latter two.
        batch_tokens: Most tokens, padding included, in one forward pass.
        revision: Branch, tag or commit of the model on the hub.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        trust_remote_code: Run Python code that comes with the model. Only for sources you trust.
        attn_implementation: Passed to transformers, such as ``"sdpa"`` or ``"flash_attention_2"``.
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


class TransformersBackend(LocalBackend):
    """Answers `PairScore` and `Embed` requests; loads at the first one."""

    name = "transformers"
    capabilities = _CAPABILITIES

    def __init__(self, model: str, options: TransformersOptions) -> None:
        self.model = model
        self.options = options
        self._encoders: dict[str, Encoder[Any]] = {}

    def run(self, requests: Sequence[Request]) -> list[Response]:
        """Answer all requests, in order."""
        responses: dict[int, Response] = {}
        for kind, type_ in (("cross-encoder", PairScore), ("bi-encoder", Embed)):
            places = [place for place, request in enumerate(requests) if isinstance(request, type_)]
            if places:
                answers = self._encoder(kind).run([requests[place] for place in places])
                responses.update(zip(places, answers, strict=True))
        if len(responses) != len(requests):
            odd = next(request for place, request in enumerate(requests) if place not in responses)
            raise ResponseError(f"The transformers backend cannot answer a {type(odd).__name__} request.")
        return [responses[place] for place in range(len(requests))]

    def _encoder(self, kind: str) -> Encoder[Any]:
        if kind not in self._encoders:
            from . import _loading

            key = (kind, self.model, self.options)
            self._encoders[kind] = shared(key, lambda: _loading.load(kind, self.model, self.options))
        return self._encoders[kind]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the loaded model."""
        return {**super().__getstate__(), "_encoders": {}}


BACKEND = TransformersOptions
