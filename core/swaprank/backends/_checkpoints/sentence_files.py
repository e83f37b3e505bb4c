"""What sentence-transformers keeps beside a network: modules, pooling, prompts and limits, read without the library."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ...errors import BackendError, ConfigError


class SentenceFiles:
    """The files of one model.

    Args:
        model: The model's name in messages.
        file: A file of the model by its name; None where there is none.
        reader: What reads them, for messages, such as ``"the vllm backend"``.
        poolings: The poolings that it can do.

    Attributes:
        modules: What ``modules.json`` lists; nothing where there is no such file.
    """

    def __init__(
        self, model: str, file: Callable[[str], Path | None], *, reader: str, poolings: Collection[str]
    ) -> None:
        self._model = model
        self._file = file
        self._reader = reader
        self._poolings = poolings
        self.modules: list[dict[str, Any]] = self.json("modules.json") or []

    def pooling(self) -> tuple[str, bool] | None:
        """The pooling, and whether the embedding is normalised; None where no file says it.

        Raises:
            ConfigError: The model has modules or a pooling that the reader does not know.
        """
        if not self.modules:
            return None
        kinds = [str(module["type"]).rpartition(".")[2] for module in self.modules]
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            raise self.refused(f"has the modules {', '.join(kinds)}")
        pooling = self.json(f"{self.modules[1]['path']}/config.json") or {}
        if "pooling_mode" in pooling:
            modes = [pooling["pooling_mode"]]
        else:
            modes = [
                key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
                for key, value in pooling.items()
                if key.startswith("pooling_mode_") and value is True
            ]
        if len(modes) != 1 or modes[0] not in self._poolings:
            raise self.refused(f"pools by {' and '.join(map(str, modes)) or 'nothing'}")
        if pooling.get("include_prompt") is False:
            raise self.refused("leaves its prompt out of the pooling")
        return str(modes[0]), len(kinds) == 3

    def prompts(self) -> dict[str, str]:
        """The model's own prompts by name."""
        return (self.json("config_sentence_transformers.json") or {}).get("prompts") or {}

    def limits(self) -> Mapping[str, Any]:
        """``max_seq_length`` and ``do_lower_case``, where the model has modules and says them."""
        return (self.json("sentence_bert_config.json") or {}) if self.modules else {}

    def activation(self, config: Mapping[str, Any]) -> str | None:
        """The dotted name of the activation of a cross-encoder; None where no file says it.

        What is not torch's own is code of others, which sentence-transformers overlooks, too.

        Args:
            config: What ``config.json`` holds.
        """
        named = (
            (self.json("config_sentence_transformers.json") or {}).get("activation_fn"),
            (config.get("sentence_transformers") or {}).get("activation_fn"),
            config.get("sbert_ce_default_activation_function"),
        )
        return next((one for one in named if isinstance(one, str) and one.startswith("torch.")), None)

    def json(self, name: str) -> Any:
        """What a JSON file of the model holds; None where there is none.

        Raises:
            BackendError: It cannot be read.
        """
        path = self._file(name)
        if path is None:
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BackendError(f"{name} of the model {self._model!r} cannot be read: {error}") from error

    def refused(self, what: str) -> ConfigError:
        """The error for a model that does what the reader cannot."""
        return ConfigError(
            f"The model {self._model!r} {what}; {self._reader} pools by {', '.join(self._poolings)} and normalises.",
            hint="Use backend: transformers.",
        )
