"""What a config may say about an encoder in an ONNX file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from ...requests import Capability
from .._checkpoints.hub import HubAccess
from .._common.models import ModelOptions

_CAPABILITIES = frozenset({Capability.PAIR_SCORE, Capability.EMBEDDINGS, Capability.TOKENS})


class OnnxOptions(ModelOptions):
    """``backend: {type: onnx, onnx_file: onnx/model_quantized.onnx}``.

    Attributes:
        onnx_file: The file of the network, relative to the model's folder or repository. None for
            ``onnx/model.onnx``, ``model.onnx``, or the only one that is there.
        providers: What onnxruntime computes with, the first choice first; ``CUDAExecutionProvider`` needs
            onnxruntime-gpu in place of onnxruntime.
        threads: Threads of one forward pass; None for onnxruntime's own choice, one per core of the machine, also in
            a container that may use fewer.
        batch_tokens: Most tokens, padding included, in one forward pass; on a CPU 4,096 at most.
        revision: Branch, tag or commit of the model on the hub.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        parse_control_tokens: Whether control tokens of the model that stand in a query or a passage are read
            as such, as official codes do, and not as plain text.
        token: Hub access token; better left to the environment variable ``HF_TOKEN``.
    """

    name: ClassVar[str] = "onnx"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
    extra: ClassVar[str] = "onnx-light"
    # The revision is that of the files; see `ModelBackend.identity`.
    neutral: ClassVar[frozenset[str]] = ModelOptions.neutral | {
        "providers",
        "threads",
        "batch_tokens",
        "revision",
        "cache_dir",
        "local_files_only",
        "token",
    }

    onnx_file: str | None = None
    providers: tuple[str, ...] = Field(default=("CPUExecutionProvider",), min_length=1)
    threads: int | None = Field(default=None, ge=1)
    batch_tokens: int = Field(default=16384, ge=1)
    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    parse_control_tokens: bool = False
    token: SecretStr | None = None

    def hub(self) -> HubAccess:
        """How the model's files are got."""
        return HubAccess(
            self.revision,
            self.cache_dir,
            self.local_files_only,
            token=self.token,
            engine="onnxruntime",
            engine_file=self.onnx_file,
        )
