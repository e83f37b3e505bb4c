"""Loading a cross-encoder or a sentence encoder by sentence-transformers, and refusing what is neither."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from ....errors import ConfigError, MissingDependencyError
from ..._checkpoints.failures import load_failure, required
from ..._checkpoints.hub import HubAccess
from ..._checkpoints.snapshot import check_code, snapshot
from ..._checkpoints.vocabulary import check_vocabulary
from ..loading.device import device, dtype
from ..loading.fine_tunings import adapt, set_language
from ..loading.networks import source_of
from .encoders import PairEncoder, TextEncoder
from .first_token import student
from .module_chain import ModuleChain

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from ..options import TransformersOptions

# What sentence-transformers imports to run an exported network.
_RUNTIMES = {"onnx": "optimum.onnxruntime", "openvino": "optimum.intel"}


def pair_encoder(model: str, options: TransformersOptions) -> PairEncoder:
    """Load a cross-encoder.

    Raises:
        MissingDependencyError: sentence-transformers, the engine, or the package with the model is not installed.
        BackendError: The model cannot be loaded, or has no tokenizer; the message names it and the cause.
        ConfigError: It can be loaded, but is not a cross-encoder.
    """
    return PairEncoder(_cross_encoder(model, options, check=_check_reads_pairs), model, options)


def student_encoder(model: str, options: TransformersOptions) -> PairEncoder:
    """Load a Margin-MSE student (`BERT_Cat`).

    Raises:
        BackendError: It, or the base that its config names, cannot be loaded.
        ConfigError: Its config names no base.
    """
    return PairEncoder(student(model, options), model, options)


def module_chain(model: str, options: TransformersOptions) -> ModuleChain:
    """Load a decoder that sentence-transformers saved as a cross-encoder: a chain of modules that ends in a score.

    Raises:
        MissingDependencyError: sentence-transformers, or the package with the model, is not installed.
        BackendError: The model cannot be loaded, or has no tokenizer; the message names it and the cause.
        ConfigError: Some of its weights are untrained.
    """
    return ModuleChain(_cross_encoder(model, options), model, options)


def text_encoder(model: str, options: TransformersOptions) -> TextEncoder:
    """Load a sentence encoder.

    Raises:
        MissingDependencyError: sentence-transformers, the engine, or the package with the model is not installed.
        BackendError: The model cannot be loaded, or has no tokenizer; the message names it and the cause.
        ConfigError: Its pooling is given twice.
    """
    loaded: SentenceTransformer = _loaded("SentenceTransformer", model, options)
    if options.pooling is not None:
        _pool(loaded, options.pooling, model, options)
    _adapt(loaded, model, options)
    return TextEncoder(loaded.eval(), model, options)


def _cross_encoder(
    model: str, options: TransformersOptions, check: Callable[[CrossEncoder, str], None] | None = None
) -> CrossEncoder:
    """A cross-encoder with trained weights and its fine-tunings, ready to compute; checked before its weights are."""
    loaded: CrossEncoder = _loaded("CrossEncoder", model, options)
    if check is not None:
        check(loaded, model)
    untrained = _untrained(loaded)
    from_adapters = _adapt(loaded, model, options)
    _check_trained([name for name in untrained if name not in from_adapters], model)
    return loaded.eval()


def _loaded(loader: str, model: str, options: TransformersOptions) -> Any:
    """What a class of sentence-transformers makes of the model."""
    if options.quantization or options.device_map or options.gguf_file:
        raise ConfigError(
            f"The encoder {model!r} is loaded without quantization, device_map and gguf_file.",
            hint="These options are for language models.",
        )
    if options.engine != "torch" and (options.adapters or options.language):
        raise ConfigError(
            f"The exported network of {model!r} takes neither PEFT adapters nor a language.",
            hint="Take engine: torch, or merge them before the export.",
        )
    library = required("sentence_transformers", model, "The encoder")
    _check_runtime(options.engine)
    files = snapshot(model, options.hub())
    check_code(files, model)
    try:
        loaded = getattr(library, loader)(files.path, **_arguments(options, files.access))
    except Exception as error:  # loaders run code of many hands, which raises anything
        raise load_failure(model, error, trusted=options.trust_remote_code) from error
    tokenizer: Any = getattr(loaded, "tokenizer", None)
    if hasattr(tokenizer, "added_tokens_decoder"):  # static embeddings have a bare tokenizer
        check_vocabulary(tokenizer, model)
    return loaded


def _adapt(loaded: CrossEncoder | SentenceTransformer, model: str, options: TransformersOptions) -> set[str]:
    """Choose the language and apply PEFT adapters; returns the names of the tensors that they replaced."""
    network = getattr(loaded[0], "model", None)
    if not hasattr(network, "base_model_prefix"):
        if options.adapters or options.language:
            raise ConfigError(
                f"The model {model!r} is not a transformers network: it takes neither PEFT adapters nor a language."
            )
        return set()
    if options.adapters and getattr(network, "_hf_peft_config_loaded", False):
        raise ConfigError(
            f"The model {model!r} is an adapter itself, and further adapters go on its base.",
            hint="Write the base as the model, and this adapter as the first of the adapters.",
        )
    set_language(network, options.language, model)
    access = options.hub().of_another()
    return adapt(network, [(adapter, access) for adapter in options.adapters])


def _pool(loaded: SentenceTransformer, pooling: str, model: str, options: TransformersOptions) -> None:
    """Put that pooling in place of the mean, which sentence-transformers puts on a bare network."""
    if source_of(model, options).file("modules.json") is not None:
        raise ConfigError(
            f"The files of {model!r} say how it pools, and pooling is {pooling!r}.", hint="Leave pooling out."
        )
    network, mean = cast(Any, loaded)
    loaded[1] = type(mean)(network.model.config.hidden_size, pooling_mode=pooling)


def _check_runtime(engine: str) -> None:
    runtime = _RUNTIMES.get(engine)
    try:
        missing = runtime is not None and importlib.util.find_spec(runtime) is None
    except ModuleNotFoundError:
        missing = True
    if missing:
        raise MissingDependencyError(
            f"engine: {engine} needs the package {runtime!r}, which is not installed.",
            hint=f'Install it with: pip install "swaprank[{engine}]"',
        )


def _arguments(options: TransformersOptions, access: HubAccess) -> dict[str, Any]:
    place = device(options.device)
    model: dict[str, Any] = {}
    if options.engine == "torch":
        model["dtype"] = dtype(options.dtype, place)
        if options.attn_implementation:
            model["attn_implementation"] = options.attn_implementation
    elif options.engine_file:
        model["file_name"] = options.engine_file
    download = access.arguments()
    return {
        "device": place,
        "cache_folder": download.pop("cache_dir"),
        "trust_remote_code": access.trust_remote_code,
        "model_kwargs": model,
        "backend": options.engine,
        **download,
    }


def _check_reads_pairs(loaded: CrossEncoder, model: str) -> None:
    """Refuse language models, which load as a cross-encoder."""
    if getattr(loaded[0], "transformer_task", None) in ("text-generation", "any-to-any"):
        raise ConfigError(
            f"The model {model!r} writes text; it has no classification head that scores a pair.",
            hint="Give a cross-encoder, or the method this model was trained for.",
        )


def _check_trained(untrained: Sequence[str], model: str) -> None:
    """Refuse models that load as a cross-encoder and are none; their scores would be noise."""
    if untrained:
        raise ConfigError(
            f"The model {model!r} has no trained weights for {', '.join(untrained[:3])}, "
            f"{len(untrained)} tensors in all: it is not a cross-encoder.",
            hint="Embedding models are for method: bi-encoder.",
        )


def _untrained(loaded: CrossEncoder) -> list[str]:
    """Names of the tensors that were not in the checkpoint and got random values.

    transformers marks the tensors it has read. Where nothing is marked (exported networks, adapters,
    models that load themselves) nothing can be said.
    """
    import torch

    network = loaded.model
    if not isinstance(network, torch.nn.Module) or getattr(network, "_hf_peft_config_loaded", False):
        return []
    tensors = {name: tensor for name, tensor in network.named_parameters() if tensor.is_floating_point()}
    read = {name for name, tensor in tensors.items() if getattr(tensor, "_is_hf_initialized", False)}
    return [name for name in tensors if name not in read] if read else []
