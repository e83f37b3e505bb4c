"""Which method a model is for, where a config names only the model.

A recipe with the model's id says it; else the model's own files do. Its name says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..backends._checkpoints.bert_cat import MODEL_TYPE as BERT_CAT
from ..errors import ConfigError
from ..masking import shown
from . import recipe, registry
from .data import Config
from .model_files import (
    COLBERT,
    CONFIG,
    FINE_TUNING,
    MODULES,
    SENTENCE_TRANSFORMERS,
    ModelFiles,
    is_model,
    read_model_files,
)

logger = logging.getLogger(__name__)

# Networks that read a text from left to right. With a classification head they are rerankers of several kinds.
_DECODERS = ("llama", "qwen", "mistral", "mixtral", "gemma", "phi", "smollm", "olmo", "minicpm", "granite", "gpt")

# Networks that read images, which the method is told.
_READ_IMAGES = {"clip": "bi-encoder", "siglip": "bi-encoder", "colqwen2": "late-interaction"}


def config_of_model(model: str, hub: Mapping[str, Any] | None) -> Config:
    """The config of a model that is named without a method.

    Args:
        model: A hub id or a folder.
        hub: The options of the backend that say how the hub is asked; None for a backend that has no files.

    Returns:
        A config with ``method`` and ``model``, and what a recipe says beside them.

    Raises:
        ConfigError: Several methods fit, none does, or the model's files cannot be read.
    """
    found = _recipes(model)
    if len(found) > 1:
        recipes = ", ".join(f"{name} ({config['method']})" for name, config in found.items())
        raise ConfigError(
            f"The model {model!r} has several recipes: {recipes}.",
            hint=f"Give the name of one in place of the model, such as reranker: {next(iter(found))}, "
            f"or say the method beside the model.",
        )
    for name, config in found.items():
        logger.info("%s is of the method %s, as the recipe %s says.", model, config["method"], name)
        return {**config, "model": model}
    if not is_model(model) and (model in recipe.all_recipes() or model in registry.MODEL_FREE):
        raise ConfigError(
            f"{shown(model)} is the name of a reranker, and no model.",
            hint=f"Write reranker: {model} in place of model.",
        )
    if hub is None:
        raise ConfigError(
            f"No recipe has the model {shown(model)}, and its backend has no files that say what it is.",
            hint="Say its method: method: cross-encoder, bi-encoder, or another one.",
        )
    files = read_model_files(model, hub)
    own = files.get(CONFIG)
    reads_images = _READ_IMAGES.get(str(own.get("model_type"))) if isinstance(own, dict) else None
    if reads_images is not None:
        logger.info("%s is of the method %s and reads images, as its %s says.", model, reads_images, CONFIG)
        return {"method": reads_images, "model": model, "images": "read"}
    method, why = _method(model, files)
    logger.info("%s is of the method %s, as its %s says.", model, method, why)
    return {"method": method, "model": model}


def _recipes(model: str) -> dict[str, Config]:
    """The recipes of this model by name."""
    return {
        name: dict(one.config)
        for name, one in recipe.all_recipes().items()
        if "method" in one.config and not one.service and model in (one.config.get("model"), *one.aliases)
    }


def _method(model: str, files: ModelFiles) -> tuple[str, str]:
    """The method, and which file says so."""
    if COLBERT in files:
        return "late-interaction", COLBERT
    own = files.get(CONFIG)
    # Before the modules, which model2vec's repositories on the hub have as well.
    if isinstance(own, dict) and own.get("model_type") == "model2vec":
        return "static-embedding", CONFIG
    if MODULES in files:
        return _of_modules(model, files)
    if FINE_TUNING in files:
        raise ConfigError(
            f"{model!r} is a PEFT adapter, whose files do not say what its base is trained to answer.",
            hint="Say it: method, model: <the base>, and backend: {adapters: [...]}.",
        )
    if not isinstance(files.get(CONFIG), dict):
        raise ConfigError(
            f"The model {model!r} has no {CONFIG} that says what it is.", hint="Say it: method: cross-encoder, ..."
        )
    return _of_network(model, files[CONFIG]), CONFIG


def _of_modules(model: str, files: ModelFiles) -> tuple[str, str]:
    """What sentence-transformers or PyLate saved."""
    listed = files[MODULES] if isinstance(files[MODULES], list) else []
    types = [str(one.get("type", "")) for one in listed if isinstance(one, dict)]
    settings = files.get(SENTENCE_TRANSFORMERS)
    settings = settings if isinstance(settings, dict) else {}
    if settings.get("model_type") == "CrossEncoder" or any(".cross_encoder." in one for one in types):
        return "cross-encoder", SENTENCE_TRANSFORMERS if settings.get("model_type") else MODULES
    if "document_length" in settings or any(one.startswith("pylate.") for one in types):
        return "late-interaction", SENTENCE_TRANSFORMERS
    if settings.get("model_type") == "SparseEncoder" or any(".sparse_encoder." in one for one in types):
        raise ConfigError(f"The model {model!r} makes sparse embeddings, which no method here reads.")
    kinds = [one.rpartition(".")[2] for one in types]
    if kinds in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
        return "static-embedding", MODULES
    return "bi-encoder", MODULES


def _of_network(model: str, config: Mapping[str, Any]) -> str:
    """What a transformers config says."""
    names = config.get("architectures") or [""]
    network = str(names[0])
    decoder = str(config.get("model_type", "")).startswith(_DECODERS)
    if config.get("model_type") == BERT_CAT:
        return "cross-encoder"
    if "ColBERT" in network:
        return "late-interaction"
    if network.endswith("ForSequenceClassification"):
        outputs = _outputs(config)
        if outputs != 1:
            raise ConfigError(
                f"The classifier {model!r} has {outputs} outputs, and which one is relevance stands nowhere.",
                hint="Say it: method: cross-encoder with label: <its place, from 0>.",
            )
        if decoder:
            raise _ambiguous(model, ["cross-encoder", "dear-pointwise"])
        return "cross-encoder"
    if network.endswith("ForConditionalGeneration") and "t5" in str(config.get("model_type", "")):
        raise _ambiguous(model, ["monot5", "setwise", "pointwise-yes-no"])
    if network == "LayerWiseMiniCPMForCausalLM":
        return "bge-llm-reranker-layerwise"
    if network == "CostWiseGemmaForCausalLM":
        return "bge-llm-reranker-lightweight"
    if network.endswith(("ForCausalLM", "LMHeadModel")):
        raise _ambiguous(model, ["rankgpt", "zero-shot", "qwen3-reranker"])
    if network.endswith(("Model", "ForMaskedLM", "EncoderModel")):
        raise _ambiguous(model, ["bi-encoder", "late-interaction"])
    raise ConfigError(
        f"The model {model!r} is a {network or 'network without a name'}, which no method here is known for.",
        hint="If one of them fits, say it: method: ...",
    )


def _outputs(config: Mapping[str, Any]) -> int:
    """How many outputs a classification head has; transformers writes the number only where it is not 2."""
    labels = config.get("id2label")
    count = config.get("num_labels", len(labels) if isinstance(labels, dict) else 2)
    return count if isinstance(count, int) else 2


def _ambiguous(model: str, methods: list[str]) -> ConfigError:
    return ConfigError(
        f"The model {model!r} fits several methods: {', '.join(methods)}.",
        hint=f"Say which one: method: {methods[0]}, model: {model}.",
    )
