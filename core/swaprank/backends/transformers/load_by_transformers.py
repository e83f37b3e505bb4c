"""Loading what transformers alone runs: language models, classifiers, late interaction, views, prompt embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from .._checkpoints.limits import end_tokens, positions
from .._tokens.quoting import Quoting
from .._tokens.starts import TokenStarts
from .._tokens.tokens import Tokens
from .bidirectional import MODEL_TYPE, bidirectional_scorer
from .causal import CausalNetwork
from .classifier import Classifier
from .fusion_in_decoder.cross_attention import FusedAttention
from .fusion_in_decoder.fused import FusedText
from .fusion_in_decoder.views import FUSION_IN_DECODER, ViewsModel
from .language import LanguageModel
from .layerwise import layerwise_scorer
from .lightweight import COMPRESSING, lightweight_scorer
from .loading.networks import check_torch, load_network, source_of
from .loading.report import expecting
from .prompt_embeddings import PromptEncoder
from .prompt_scorer import PromptScorer
from .seq2seq import Seq2SeqNetwork
from .token_encoders.colbert_format import read_protocol
from .token_encoders.token_encoder import TokenEncoder
from .vision.language import vision_language_model
from .vision.scoring import vision_prompt_scorer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from .options import TransformersOptions


def language_model(model: str, options: TransformersOptions) -> LanguageModel:
    """Load a causal or encoder-decoder language model with its tokenizer.

    Raises:
        MissingDependencyError: transformers, or what the model's format needs, is not installed.
        BackendError: The model cannot be loaded; the message names it and the cause.
    """
    source = source_of(model, options)
    config = source.config()
    if hasattr(config, "vision_config"):
        return vision_language_model(source, options)
    loader = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    network = load_network(source, options, loader, half_safe=not config.is_encoder_decoder)
    ends = end_tokens(*(getattr(own, "eos_token_id", None) for own in (network.generation_config, network.config)))
    tokens = Tokens(source.tokenizer(), model, ends=ends, parse_control_tokens=options.parse_control_tokens)
    reader = (
        Seq2SeqNetwork(network)
        if config.is_encoder_decoder
        else CausalNetwork(network, prefix_caching=options.prefix_caching)
    )
    context = options.max_model_len or (None if config.is_encoder_decoder else positions(config))
    return LanguageModel(reader, tokens, model, context=context, batch_tokens=options.batch_tokens)


def prompt_scorer(model: str, options: TransformersOptions) -> PromptScorer[Any]:
    """Load a decoder or a vision-language model whose own head scores a prompt.

    Raises:
        MissingDependencyError: transformers or Pillow is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It has no such head.
    """
    source = source_of(model, options)
    raw = source.raw_config()
    if raw.get("model_type") == "minicpm":
        return layerwise_scorer(source, raw, options)
    if raw.get("model_type") == COMPRESSING:
        return lightweight_scorer(source, raw, options)
    if raw.get("model_type") == MODEL_TYPE:
        return bidirectional_scorer(source, raw, options)
    return vision_prompt_scorer(source, options)


def classifier(model: str, options: TransformersOptions) -> Classifier:
    """Load a decoder with a classification head; the head of an adapter folder comes with the adapter.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It has no trained head.
    """
    source = source_of(model, options)
    # A base under a PEFT adapter has no head of its own that would say how many outputs it has.
    outputs: dict[str, Any] = {"num_labels": 1} if source.adapters else {}
    network = load_network(source, options, "AutoModelForSequenceClassification", **outputs)
    head: Any = network.score
    reader = CausalNetwork(network, head=head, prefix_caching=options.prefix_caching)
    return Classifier(
        reader,
        Quoting(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens),
        model,
        outputs=head.out_features,
        context=options.max_model_len or positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def token_encoder(model: str, options: TransformersOptions) -> TokenEncoder:
    """Load a late-interaction encoder in the format of colbert-ai or of PyLate.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is not a late-interaction model, or the language is none of its own.
    """
    check_torch(model, options)
    source = source_of(model, options)
    source.config()  # tells what is not a model at all from a model of another kind
    protocol = read_protocol(source.file, model)
    # The pooler sits on the first token, whose vector it does not change.
    with expecting("linear.weight", "pooler."):
        network = load_network(source, options, "AutoModel", unused="pooler.")
    return TokenEncoder(network, source.tokenizer(), protocol, model, options)


def views_model(model: str, options: TransformersOptions) -> ViewsModel:
    """Load an encoder-decoder that answers `Views`.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is not an encoder-decoder.
    """
    network, tokens = _encoder_decoder(model, options, "Give an MVP model, or another T5.")
    return ViewsModel(network, tokens, batch_tokens=options.batch_tokens)


def fused_text(model: str, options: TransformersOptions) -> FusedText:
    """Load an encoder-decoder that answers `GenerateFused`.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is not an encoder-decoder.
    """
    network, tokens = _encoder_decoder(model, options, "Give a LiT5-Distill model, or another T5.")
    return FusedText(network, tokens, batch_tokens=options.batch_tokens)


def fused_attention(model: str, options: TransformersOptions) -> FusedAttention:
    """Load an encoder-decoder that answers `AttendFused`; raises as `fused_text`."""
    network, tokens = _encoder_decoder(model, options, "Give a LiT5-Score model, or another T5.")
    return FusedAttention(network, tokens, batch_tokens=options.batch_tokens)


def _encoder_decoder(model: str, options: TransformersOptions, hint: str) -> tuple[PreTrainedModel, Tokens]:
    """A network of Fusion-in-Decoder and its tokenizer."""
    check_torch(model, options)
    source = source_of(model, options)
    if not source.config().is_encoder_decoder:
        raise ConfigError(f"The model {model!r} has no encoder and decoder.", hint=hint)
    network = load_network(source, options, "AutoModelForSeq2SeqLM", half_safe=False, key_mapping=FUSION_IN_DECODER)
    ends = end_tokens(*(getattr(own, "eos_token_id", None) for own in (network.generation_config, network.config)))
    return network, Tokens(source.tokenizer(), model, ends=ends, parse_control_tokens=options.parse_control_tokens)


def prompt_encoder(model: str, options: TransformersOptions) -> PromptEncoder:
    """Load a decoder whose last hidden state is an embedding.

    Raises:
        MissingDependencyError: transformers, or what the model's format needs, is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is not a decoder.
    """
    import torch

    source = source_of(model, options)
    if not source.is_decoder():
        raise ConfigError(
            f"The model {model!r} is not a decoder, and has no embedding of a whole prompt in its last token.",
            hint="Encoders are for method: bi-encoder.",
        )
    network = load_network(source, options, "AutoModel")
    tokens = Tokens(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens)
    return PromptEncoder(
        CausalNetwork(network, head=torch.nn.Identity(), prefix_caching=options.prefix_caching),
        tokens,
        context=options.max_model_len or positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def token_starts(model: str, options: TransformersOptions) -> TokenStarts:
    """Load a model's tokenizer alone.

    Raises:
        MissingDependencyError: transformers is not installed.
        BackendError: It cannot be loaded, or does not say where its tokens begin.
    """
    return TokenStarts(source_of(model, options).tokenizer(), model)
