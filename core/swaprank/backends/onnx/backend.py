"""Cross-encoders and sentence encoders in ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...requests import Embed, EmbedImage, PairScore, Request, Tokenize
from .._checkpoints.hub import HubAccess
from .._common.models import ModelBackend, Runner
from .options import OnnxOptions

_KINDS: dict[type[Request], str] = {
    PairScore: "pairs",
    Embed: "texts",
    EmbedImage: "texts",
    Tokenize: "tokenizer",
}


class OnnxBackend(ModelBackend[OnnxOptions]):
    """Answers requests with a network that onnxruntime runs; torch and transformers are not needed."""

    Options = OnnxOptions
    kinds = _KINDS

    def files(self) -> list[tuple[str, HubAccess]]:
        """The model."""
        return [(self.model, self.options.hub())]

    def number_format(self) -> str:
        """The providers, which round differently."""
        return " ".join(self.options.providers)

    @staticmethod
    def load(kind: str, model: str, options: OnnxOptions) -> Runner:
        """What answers the requests of a kind."""
        from . import load

        loaders: dict[str, Callable[[str, OnnxOptions], Any]] = {
            "pairs": load.pair_encoder,
            "texts": load.text_encoder,
            "tokenizer": load.token_starts,
        }
        runner: Runner = loaders[kind](model, options)
        return runner
