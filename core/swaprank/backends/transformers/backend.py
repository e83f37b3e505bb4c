"""Models on this machine: language models through transformers, encoders through sentence-transformers."""

from __future__ import annotations

from ...requests import (
    Attend,
    Embed,
    EmbedPrompt,
    EmbedTokens,
    Generate,
    LabelLogprobs,
    PairScore,
    Request,
    SequenceLogprob,
    Views,
)
from .._common.models import ModelBackend, Runner
from .options import TransformersOptions

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


class TransformersBackend(ModelBackend[TransformersOptions]):
    """Answers requests with a model that torch, ONNX or OpenVINO runs."""

    Options = TransformersOptions
    kinds = _KINDS

    @staticmethod
    def load(kind: str, model: str, options: TransformersOptions) -> Runner:
        """What answers the requests of a kind."""
        from . import load_encoders, load_networks

        if kind == "language":
            return load_networks.language_model(model, options)
        if kind == "tokens":
            return load_networks.token_encoder(model, options)
        if kind == "views":
            return load_networks.views_model(model, options)
        if kind == "prompts":
            return load_networks.prompt_encoder(model, options)
        if kind == "texts":
            return load_encoders.load("bi-encoder", model, options)
        if load_networks.is_decoder(model, options):
            return load_networks.classifier(model, options)
        return load_encoders.load("cross-encoder", model, options)
