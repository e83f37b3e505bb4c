"""A model's files as transformers reads them: config, tokenizer, and the base under a PEFT adapter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, require
from .failures import load_failure, required
from .hub import HubAccess
from .snapshot import snapshot
from .vocabulary import check_vocabulary

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

_TOKENIZER = "tokenizer_config.json"
_IF_ANY: dict[str, Any] = {"_raise_exceptions_for_missing_entries": False}


class Source:
    """Where a model comes from: a hub id, a folder, a GGUF file in it, a PEFT adapter on a base.

    Args:
        model: A hub id, a folder, or ``package:<import name>/<folder>``.
        access: How its files are got.
        adapters: Fine-tunings to put on it, in order.
        gguf_file: The GGUF file to read in it.

    Raises:
        MissingDependencyError: transformers, or what the model's format needs, is not installed.
        BackendError: The model cannot be found.
    """

    def __init__(
        self, model: str, access: HubAccess, *, adapters: Sequence[str] = (), gguf_file: str | None = None
    ) -> None:
        self.model = model
        self._transformers: Any = required("transformers", model, "The model")
        files = snapshot(model, access)
        self._path, self._access = files.path, files.access
        self._format: dict[str, Any] = {"trust_remote_code": access.trust_remote_code}
        if gguf_file:
            require("gguf", extra="gguf", purpose=f"The file {gguf_file!r}")
            self._format["gguf_file"] = gguf_file
        self._adapters = [(adapter, access.of_another()) for adapter in adapters]
        base = self._base()
        self.is_adapter = base is not None
        if base is not None:
            self._adapters.insert(0, (self._path, self._access))
            files = snapshot(base, access.of_another())
            self._path, self._access = files.path, files.access

    @property
    def path(self) -> str:
        """Where the model is, or the base where the model is a PEFT adapter."""
        return self._path

    @property
    def adapters(self) -> list[tuple[str, HubAccess]]:
        """Fine-tunings to put on, in order, and how each is got."""
        return list(self._adapters)

    def file(self, name: str) -> Path | None:
        """A file of the model's folder or repository; None where there is none."""
        found = self._loaded(self._transformers.utils.cached_file, filename=name, **_IF_ANY)
        return None if found is None else Path(found)

    def raw_config(self) -> dict[str, Any]:
        """What config.json holds, also of a model that transformers does not know; empty where there is none.

        Raises:
            BackendError: It is no JSON.
        """
        path = self.file("config.json")
        try:
            found = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise load_failure(self.model, error, trusted=self._access.trust_remote_code) from error
        return found if isinstance(found, dict) else {}

    def config(self) -> PretrainedConfig:
        """The config, of the base where the model is a PEFT adapter."""
        found: PretrainedConfig = self._loaded(self._transformers.AutoConfig.from_pretrained, **self._format)
        return found

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, of the base where the model is a PEFT adapter, or the adapter's where the base has none.

        Raises:
            BackendError: It cannot be loaded, or has no vocabulary because its files are missing.
        """
        path = None if self.file(_TOKENIZER) else self._in_adapter(_TOKENIZER)
        load = self._transformers.AutoTokenizer.from_pretrained
        found: PreTrainedTokenizerBase = self._loaded(load, path, **self._format, **({} if path else self._plain()))
        check_vocabulary(found, self.model)
        return found

    def image_processor(self) -> Any:
        """The image processor, which works on pictures of Pillow: torchvision is not needed.

        A PEFT adapter may bring its own, with the limits of its training.
        """
        load = self._transformers.AutoImageProcessor.from_pretrained
        return self._loaded(load, self._in_adapter("preprocessor_config.json"), backend="pil", **self._format)

    def is_decoder(self) -> bool:
        """Whether the model reads from left to right (and is no T5)."""
        mappings = self._transformers.models.auto.modeling_auto
        try:
            kind = self.config().model_type
        except BackendError:
            # sentence-transformers has folders without a config at the top.
            if self.is_adapter:
                raise
            return False
        causal, masked = mappings.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, mappings.MODEL_FOR_MASKED_LM_MAPPING_NAMES
        return kind in causal and kind not in masked

    def pretrained(self, loader: str, **arguments: Any) -> Any:
        """What an auto class of transformers loads, with further arguments.

        Raises:
            BackendError: It cannot be loaded.
        """
        return self._loaded(getattr(self._transformers, loader).from_pretrained, **self._format, **arguments)

    def _base(self) -> str | None:
        """The base model that a PEFT adapter names; None for a whole model."""
        found = self._loaded(self._transformers.utils.peft_utils.find_adapter_config_file)
        if found is None:
            return None
        base = json.loads(Path(found).read_text(encoding="utf-8")).get("base_model_name_or_path")
        if not base:
            raise BackendError(f"The adapter {self.model!r} names no base model in its adapter_config.json.")
        # Folders that travel together: the base may lie beside the adapter.
        beside = Path(self._path).parent / base
        return str(beside) if beside.exists() and not Path(base).exists() else str(base)

    def _plain(self) -> dict[str, Any]:
        """The config by which to load the tokenizer of a model whose type transformers does not know.

        transformers would read config.json as a config of no type, with a line in the log and, for a `rope_scaling`
        in it, a FutureWarning. Of such a config it needs the tokenizer's class only.
        """
        raw = self.raw_config()
        kind = raw.get("model_type")
        if not kind or kind in self._transformers.CONFIG_MAPPING:
            return {}
        if "gguf_file" in self._format or self._access.trust_remote_code:
            return {}
        return {"config": self._transformers.PretrainedConfig(tokenizer_class=raw.get("tokenizer_class"))}

    def _in_adapter(self, name: str) -> str | None:
        """The folder of the PEFT adapter that the model is, if it has this file."""
        folder = self._adapters[0][0] if self.is_adapter else None
        return folder if folder and (Path(folder) / name).exists() else None

    def _loaded(self, load: Callable[..., Any], path: str | None = None, **extra: Any) -> Any:
        try:
            return load(path or self._path, **self._access.arguments(), **extra)
        except Exception as error:  # loaders run code of many hands, which raises anything
            raise load_failure(self.model, error, trusted=self._access.trust_remote_code) from error
