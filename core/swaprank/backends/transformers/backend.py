"""Models on this machine: language models through transformers, encoders through sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable

from ...requests import (
    Attend,
    AttendFused,
    Embed,
    EmbedImage,
    EmbedImageTokens,
    EmbedMarks,
    EmbedPrompt,
    EmbedTokens,
    Generate,
    GenerateFused,
    LabelLogprobs,
    PairScore,
    PromptScore,
    Request,
    SequenceLogprob,
    Tokenize,
    Views,
)
from .._checkpoints.bert_cat import MODEL_TYPE as BERT_CAT
from .._checkpoints.hub import HubAccess
from .._common.models import ModelBackend, Runner
from .options import TransformersOptions

_KINDS: dict[type[Request], str] = {
    PairScore: "pairs",
    PromptScore: "prompt scores",
    Embed: "texts",
    EmbedImage: "texts",
    EmbedTokens: "tokens",
    EmbedImageTokens: "tokens",
    Views: "views",
    GenerateFused: "fused text",
    AttendFused: "fused attention",
    Generate: "language",
    LabelLogprobs: "language",
    SequenceLogprob: "language",
    Attend: "language",
    EmbedPrompt: "prompts",
    EmbedMarks: "marks",
    Tokenize: "tokenizer",
}


class TransformersBackend(ModelBackend[TransformersOptions]):
    """Answers requests with a model that torch, ONNX or OpenVINO runs."""

    Options = TransformersOptions
    kinds = _KINDS

    def files(self) -> list[tuple[str, HubAccess]]:
        """The model, and the adapters that are put on it."""
        access = self.options.hub()
        return [(self.model, access), *((adapter, access.of_another()) for adapter in self.options.adapters)]

    def number_format(self) -> str:
        """Device and dtype as they are where this runs."""
        from .loading.device import device, dtype

        place = device(self.options.device)
        return f"{place.partition(':')[0]} {dtype(self.options.dtype, place)}"

    @staticmethod
    def load(kind: str, model: str, options: TransformersOptions) -> Runner:
        """What answers the requests of a kind."""
        from . import load_by_transformers, marked_embeddings
        from .image_encoders import load as image_encoders
        from .loading.networks import source_of
        from .sentence_encoders import load as sentence_encoders

        loaders: dict[str, Callable[[str, TransformersOptions], Runner]] = {
            "language": load_by_transformers.language_model,
            "tokens": load_by_transformers.token_encoder,
            "views": load_by_transformers.views_model,
            "fused text": load_by_transformers.fused_text,
            "fused attention": load_by_transformers.fused_attention,
            "prompts": load_by_transformers.prompt_encoder,
            "marks": marked_embeddings.mark_encoder,
            "tokenizer": load_by_transformers.token_starts,
            "prompt scores": load_by_transformers.prompt_scorer,
            "texts": sentence_encoders.text_encoder,
            "pairs": sentence_encoders.pair_encoder,
        }
        # What only language models are loaded with is refused by the encoders of texts.
        plain = not (options.quantization or options.device_map or options.gguf_file)
        if kind == "tokens" or (kind == "texts" and plain):
            reads_images = image_encoders.image_text_encoder if kind == "texts" else image_encoders.page_encoder
            found = reads_images(model, options)
            if found is not None:
                return found
        if kind == "pairs" and options.engine == "torch":
            source = source_of(model, options)
            if source.raw_config().get("model_type") == BERT_CAT:
                return sentence_encoders.student_encoder(model, options)
            if source.is_decoder():
                # sentence-transformers writes the file for chains of several modules.
                chained = source.file("modules.json") is not None
                load_scorer = sentence_encoders.module_chain if chained else load_by_transformers.classifier
                return load_scorer(model, options)
        return loaders[kind](model, options)
