"""How the files of a model are got from the hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class HubAccess:
    """What a config says about downloads; each field is an option of the backend, but for `weights`.

    Attributes:
        revision: Branch, tag or commit of the model; None for the default branch.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        trust_remote_code: Run Python code that comes with the model.
        token: Access token; None for the environment's.
        engine: What runs the network, which decides which of a repository's exports are fetched. ``"onnxruntime"``
            runs an export only, where ``"onnx"`` makes one of the weights if there is none.
        engine_file: The exported file to run.
        gguf_file: The GGUF file to read.
        weights: Whether weights are fetched; a tokenizer alone does without them.
    """

    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False
    token: SecretStr | None = None
    engine: Literal["torch", "onnx", "openvino", "onnxruntime"] = "torch"
    engine_file: str | None = None
    gguf_file: str | None = None
    weights: bool = True

    def of_another(self) -> HubAccess:
        """The same for another repository: revision and files are the model's, never its base's or its adapter's."""
        return replace(self, revision=None, engine="torch", engine_file=None, gguf_file=None)

    def of_fetched(self) -> HubAccess:
        """The same for a folder in which everything lies that was fetched."""
        return replace(self, revision=None, local_files_only=True)

    @property
    def secret(self) -> str | None:
        """The access token itself."""
        return self.token.get_secret_value() if self.token else None

    def arguments(self) -> dict[str, Any]:
        """The arguments of a download, as transformers and peft name them."""
        return {
            "revision": self.revision,
            "cache_dir": self.cache_dir,
            "local_files_only": self.local_files_only,
            "token": self.secret,
        }
