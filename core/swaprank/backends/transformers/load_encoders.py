"""Loading a cross-encoder or a sentence encoder by sentence-transformers, and refusing what is neither."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, MissingDependencyError, require
from .._common.failures import load_failure
from .._common.model_path import model_path
from .encoders import Encoder, PairEncoder, TextEncoder
from .fine_tunings import adapt, hub, set_language

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from .options import TransformersOptions

# What sentence-transformers imports to run an exported network.
_RUNTIMES = {"onnx": "optimum.onnxruntime", "openvino": "optimum.intel"}


def load(kind: str, model: str, options: TransformersOptions) -> Encoder[Any]:
    """Load a ``"cross-encoder"`` or a ``"bi-encoder"``.

    Raises:
        MissingDependencyError: sentence-transformers, the engine, or the package with the model is not installed.
        BackendError: The model cannot be loaded; the message names it and the cause.
        ConfigError: It can be loaded, but is no cross-encoder.
    """
    if options.quantization or options.device_map or options.gguf_file:
        raise ConfigError(
            f"The {kind} {model!r} is loaded without quantization, device_map and gguf_file.",
            hint="These options are for language models.",
        )
    if options.engine != "torch" and (options.adapters or options.language):
        raise ConfigError(
            f"The exported network of {model!r} takes no adapters and no language.",
            hint="Take engine: torch, or merge them before the export.",
        )
    library = require("sentence_transformers", extra="transformers", purpose=f"The {kind} {model!r}")
    _check_runtime(options.engine)
    path = model_path(model)
    loader = library.CrossEncoder if kind == "cross-encoder" else library.SentenceTransformer
    try:
        loaded = loader(path, **_arguments(options))
    except Exception as error:  # loaders run code of many hands, which raises anything
        raise load_failure(model, error, trusted=options.trust_remote_code) from error
    if kind == "bi-encoder":
        _adapt(loaded, model, options)
        return TextEncoder(loaded.eval(), model, options)
    _check_reads_pairs(loaded, model)
    untrained = _untrained(loaded)
    brought = _adapt(loaded, model, options)
    _check_trained([name for name in untrained if name not in brought], model)
    return PairEncoder(loaded.eval(), model, options)


def _adapt(loaded: CrossEncoder | SentenceTransformer, model: str, options: TransformersOptions) -> set[str]:
    """Choose the language and put the adapters on; gives back the names of the whole tensors that they brought."""
    network = getattr(loaded[0], "model", None)
    if not hasattr(network, "base_model_prefix"):
        if options.adapters or options.language:
            raise ConfigError(f"The model {model!r} is no transformers network: it takes no adapters and no language.")
        return set()
    if options.adapters and getattr(network, "_hf_peft_config_loaded", False):
        raise ConfigError(
            f"The model {model!r} is an adapter itself, and further adapters go on its base.",
            hint="Write the base as the model, and this adapter as the first of the adapters.",
        )
    set_language(network, options.language, model)
    return adapt(network, [(adapter, hub(options)) for adapter in options.adapters], trusted=options.trust_remote_code)


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


def _arguments(options: TransformersOptions) -> dict[str, Any]:
    device = options.device if options.device != "auto" else None
    model: dict[str, Any] = {}
    if options.engine == "torch":
        model["dtype"] = _dtype(options.dtype, device)
        if options.attn_implementation:
            model["attn_implementation"] = options.attn_implementation
    elif options.engine_file:
        model["file_name"] = options.engine_file
    return {
        "device": device,
        "revision": options.revision,
        "cache_folder": options.cache_dir,
        "local_files_only": options.local_files_only,
        "trust_remote_code": options.trust_remote_code,
        "token": options.token.get_secret_value() if options.token else None,
        "model_kwargs": model,
        "backend": options.engine,
    }


def _dtype(name: str, device: str | None) -> torch.dtype:
    """The dtype of that name; for ``"auto"`` float32 on a CPU, elsewhere the 16-bit type the device computes in."""
    import torch

    if name != "auto":
        found: torch.dtype = getattr(torch, name)
        return found
    if device == "cpu" or (device is None and not torch.accelerator.is_available()):
        return torch.float32
    # Before Ampere CUDA only emulates bfloat16, many times slower.
    emulated = torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.float16 if emulated else torch.bfloat16


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
            f"{len(untrained)} tensors in all: it is no cross-encoder.",
            hint="Embedding models are for method: bi-encoder.",
        )


def _untrained(loaded: CrossEncoder) -> list[str]:
    """Names of the tensors that were not in the checkpoint and got random values.

    transformers marks the tensors it has read. Where nothing is marked (exported networks, adapters,
    models that load themselves) nothing can be told.
    """
    import torch

    network = loaded.model
    if not isinstance(network, torch.nn.Module) or getattr(network, "_hf_peft_config_loaded", False):
        return []
    tensors = {name: tensor for name, tensor in network.named_parameters() if tensor.is_floating_point()}
    read = {name for name, tensor in tensors.items() if getattr(tensor, "_is_hf_initialized", False)}
    return [name for name in tensors if name not in read] if read else []
