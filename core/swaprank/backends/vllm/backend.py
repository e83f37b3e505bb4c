"""vLLM in this process: text, label and sequence log-probabilities, pair scores, embeddings."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ...requests import Embed, Generate, LabelLogprobs, PairScore, Request, SequenceLogprob, Tokenize
from .._checkpoints.hub import HubAccess
from .._common.models import ModelBackend, Runner
from .options import VllmOptions

_KINDS: dict[type[Request], str] = {
    PairScore: "pairs",
    Embed: "texts",
    Generate: "language",
    LabelLogprobs: "language",
    SequenceLogprob: "language",
    Tokenize: "tokenizer",
}


class VllmBackend(ModelBackend[VllmOptions]):
    """Answers requests with vLLM engines, which are shut down when their models are let go."""

    Options = VllmOptions
    kinds = _KINDS
    # An engine forms batches of its own, out of all that it is given.
    gathered = sys.maxsize

    def files(self) -> list[tuple[str, HubAccess]]:
        """The model, and the adapter that is applied to it."""
        access = self.options.hub()
        return [(self.model, access), *((adapter, access.of_another()) for adapter in self.options.adapters)]

    @staticmethod
    def load(kind: str, model: str, options: VllmOptions) -> Runner:
        """What answers the requests of a kind."""
        from . import load_language, pairs, texts

        loaders: dict[str, Callable[[str, VllmOptions], Runner]] = {
            "language": load_language.load,
            "pairs": pairs.load,
            "texts": texts.load,
            "tokenizer": texts.token_starts,
        }
        return loaders[kind](model, options)
