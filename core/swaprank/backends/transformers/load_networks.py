"""Loading plain transformers models: language models, decoders that embed, decoders with a classification head."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, ConfigError, require
from .._common.failures import load_failure
from .._common.model_path import model_path
from .._tokens.quoting import Quoting
from .._tokens.tokens import Tokens
from .causal import CausalNetwork
from .classifier import Classifier
from .colbert_format import read_protocol
from .dtype import dtype
from .fine_tunings import adapt, set_language
from .language import LanguageModel
from .late_interaction import TokenEncoder
from .load_report import expecting
from .prompt_embeddings import PromptEncoder
from .seq2seq import Seq2SeqNetwork
from .views import FUSION_IN_DECODER, ViewsModel

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from .options import TransformersOptions

_IF_ANY = {"_raise_exceptions_for_missing_entries": False}


def language_model(model: str, options: TransformersOptions) -> LanguageModel:
    """Load a causal or encoder-decoder language model with its tokenizer.

    Raises:
        MissingDependencyError: transformers, or what the model's format needs, is not installed.
        BackendError: The model cannot be loaded; the message names it and the cause.
    """
    source = Source(model, options)
    config = source.config()
    loader = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    network = source.network(loader, half_safe=not config.is_encoder_decoder)
    tokens = Tokens(source.tokenizer(), model, ends=_ends(network), parse_control_tokens=options.parse_control_tokens)
    reader = (
        Seq2SeqNetwork(network)
        if config.is_encoder_decoder
        else CausalNetwork(network, prefix_caching=options.prefix_caching)
    )
    context = options.max_model_len or (None if config.is_encoder_decoder else _positions(config))
    return LanguageModel(reader, tokens, model, context=context, batch_tokens=options.batch_tokens)


def classifier(model: str, options: TransformersOptions) -> Classifier:
    """Load a decoder with a classification head; the head of an adapter folder comes with the adapter.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It has no trained head.
    """
    source = Source(model, options)
    network = source.network("AutoModelForSequenceClassification", **source.head())
    head: Any = network.score
    reader = CausalNetwork(network, head=head, prefix_caching=options.prefix_caching)
    return Classifier(
        reader,
        Quoting(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens),
        model,
        outputs=head.out_features,
        context=options.max_model_len or _positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def token_encoder(model: str, options: TransformersOptions) -> TokenEncoder:
    """Load a late-interaction encoder in the format of colbert-ai or of PyLate.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is no late-interaction model, or the language is none of its own.
    """
    _check_engine(model, options)
    source = Source(model, options)
    source.config()  # what is no model at all is told from what is one of another kind
    protocol = read_protocol(source.file, model)
    # The pooler sits on the first token, whose vector it does not change.
    with expecting("linear.weight", "pooler."):
        network = source.network("AutoModel", half_on_cpu=False, unused="pooler.")
    return TokenEncoder(network, source.tokenizer(), protocol, model, options)


def views_model(model: str, options: TransformersOptions) -> ViewsModel:
    """Load an encoder-decoder that answers `Views`.

    Raises:
        MissingDependencyError: transformers or peft is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is no encoder-decoder.
    """
    _check_engine(model, options)
    source = Source(model, options)
    if not source.config().is_encoder_decoder:
        raise ConfigError(f"The model {model!r} has no encoder and decoder.", hint="Give an MVP model, or another T5.")
    network = source.network("AutoModelForSeq2SeqLM", half_safe=False, key_mapping=FUSION_IN_DECODER)
    tokens = Tokens(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens)
    return ViewsModel(network, tokens, model, batch_tokens=options.batch_tokens)


def _check_engine(model: str, options: TransformersOptions) -> None:
    if options.engine != "torch":
        raise ConfigError(f"The model {model!r} is run by torch, not by {options.engine}.")


def prompt_encoder(model: str, options: TransformersOptions) -> PromptEncoder:
    """Load a decoder whose last hidden state is an embedding.

    Raises:
        MissingDependencyError: transformers, or what the model's format needs, is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is no decoder.
    """
    import torch

    if not is_decoder(model, options):
        raise ConfigError(
            f"The model {model!r} is no decoder, and has no embedding of a whole prompt in its last token.",
            hint="Encoders are for method: bi-encoder.",
        )
    source = Source(model, options)
    network = source.network("AutoModel")
    tokens = Tokens(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens)
    return PromptEncoder(
        CausalNetwork(network, head=torch.nn.Identity(), prefix_caching=options.prefix_caching),
        tokens,
        context=options.max_model_len or _positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def is_decoder(model: str, options: TransformersOptions) -> bool:
    """Whether the model, or the base of the adapter folder, reads from left to right (and is no T5)."""
    if options.engine != "torch":
        return False
    transformers = require("transformers", extra="transformers", purpose=f"The model {model!r}")
    mappings = transformers.models.auto.modeling_auto
    source = Source(model, options)
    try:
        kind = source.config().model_type
    except BackendError:
        # sentence-transformers has folders without a config at the top.
        if source.is_adapter:
            raise
        return False
    causal, masked = mappings.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, mappings.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return kind in causal and kind not in masked


class Source:
    """Where a model comes from: a hub id, a folder, a GGUF file in it, an adapter on a base."""

    def __init__(self, model: str, options: TransformersOptions) -> None:
        self._model = model
        self._options = options
        self._path = model_path(model)
        self._transformers: Any = require("transformers", extra="transformers", purpose=f"The model {model!r}")
        self._hub = {
            "revision": options.revision,
            "cache_dir": options.cache_dir,
            "local_files_only": options.local_files_only,
            "token": options.token.get_secret_value() if options.token else None,
        }
        self._format: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
        if options.gguf_file:
            require("gguf", extra="gguf", purpose=f"The file {options.gguf_file!r}")
            self._format["gguf_file"] = options.gguf_file
        self._adapters = [(adapter, {**self._hub, "revision": None}) for adapter in options.adapters]
        base = self._base()
        self.is_adapter = base is not None
        if base is not None:
            self._adapters.insert(0, (self._path, self._hub))
            self._path, self._hub = base, {**self._hub, "revision": None}

    @property
    def path(self) -> str:
        """Where the model is, or the base where the model is an adapter."""
        return self._path

    @property
    def adapters(self) -> list[str]:
        """Adapters to put on, in order."""
        return [adapter for adapter, _ in self._adapters]

    def file(self, name: str) -> Path | None:
        """A file of the model's folder or repository; None where there is none."""
        found = self._loaded(self._transformers.utils.cached_file, filename=name, **_IF_ANY)
        return None if found is None else Path(found)

    def config(self) -> PretrainedConfig:
        """The config, of the base where the model is an adapter."""
        found: PretrainedConfig = self._loaded(self._transformers.AutoConfig.from_pretrained, **self._format)
        return found

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, of the base where the model is an adapter."""
        found: PreTrainedTokenizerBase = self._loaded(self._transformers.AutoTokenizer.from_pretrained, **self._format)
        return found

    def head(self) -> dict[str, Any]:
        """How to load the classification head: a base under an adapter has none of its own."""
        return {"num_labels": 1} if self._adapters else {}

    def network(
        self,
        loader: str,
        *,
        half_safe: bool = True,
        half_on_cpu: bool = True,
        unused: str | None = None,
        **extra: Any,
    ) -> PreTrainedModel:
        """The network on its device, ready to compute.

        Args:
            loader: The auto class of transformers.
            half_safe: As in `dtype`.
            half_on_cpu: As in `dtype`.
            unused: How the names of tensors begin that may be untrained, because nobody reads what they compute.
            extra: Further arguments of the loader.
        """
        options = self._options
        device = _device(options.device)
        extra["dtype"] = dtype(options.dtype, device, half_safe=half_safe, half_on_cpu=half_on_cpu)
        if options.attn_implementation:
            extra["attn_implementation"] = options.attn_implementation
        if options.quantization:
            extra["quantization_config"] = dict(options.quantization)
        placed = bool(options.device_map or options.quantization)
        if placed:
            extra["device_map"] = options.device_map or device
        load = getattr(self._transformers, loader).from_pretrained
        loaded, notes = self._loaded(load, output_loading_info=True, **self._format, **extra)
        set_language(loaded, options.language, self._model)
        missing = {name for name in notes["missing_keys"] if unused is None or not name.startswith(unused)}
        missing -= adapt(loaded, self._adapters, trusted=options.trust_remote_code)
        if missing:
            raise ConfigError(
                f"The model {self._model!r} has no trained weights for {', '.join(sorted(missing)[:3])}.",
                hint="Is it the kind of model that this method is for?",
            )
        if not placed:
            loaded.to(device)
        loaded.eval()
        network: PreTrainedModel = loaded
        return network

    def _base(self) -> str | None:
        """The base model that an adapter names; None for a whole model."""
        found = self._loaded(self._transformers.utils.peft_utils.find_adapter_config_file)
        if found is None:
            return None
        base = json.loads(Path(found).read_text(encoding="utf-8")).get("base_model_name_or_path")
        if not base:
            raise BackendError(f"The adapter {self._model!r} names no base model in its adapter_config.json.")
        # Folders that travel together: the base may lie beside the adapter.
        beside = Path(self._path).parent / base
        return str(beside) if beside.exists() and not Path(base).exists() else str(base)

    def _loaded(self, load: Callable[..., Any], **extra: Any) -> Any:
        try:
            return load(self._path, **self._hub, **extra)
        except Exception as error:  # loaders run code of many hands, which raises anything
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> BackendError:
        return load_failure(self._model, error, trusted=self._options.trust_remote_code)


def _device(name: str) -> str:
    import torch

    if name != "auto":
        return name
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator.type if accelerator is not None else "cpu"


def _ends(network: PreTrainedModel) -> list[int]:
    """The tokens that end an answer, by the generation config and by the config."""
    found: list[int] = []
    for config in (network.generation_config, network.config):
        own = getattr(config, "eos_token_id", None)
        found += own if isinstance(own, list) else [] if own is None else [own]
    return found


def _positions(config: PretrainedConfig) -> int | None:
    own = config.get_text_config()
    return getattr(own, "max_position_embeddings", None)
