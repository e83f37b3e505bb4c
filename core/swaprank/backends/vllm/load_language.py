"""Starting an engine that writes, with the tokenizer and the image processor of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checkpoints.source import Source
from .._tokens.image_reading import FAMILIES
from .._tokens.image_tokens import vision_tokens
from .._tokens.tokens import Tokens
from .engine import start
from .language import VllmLanguageModel
from .vision import VisionEngine, VisionLanguageModel

if TYPE_CHECKING:
    from .options import VllmOptions


def load(model: str, options: VllmOptions) -> VllmLanguageModel:
    """Start an engine that writes.

    Models of families whose images nobody has taught swaprank to read are language models here.

    Raises:
        MissingDependencyError: vLLM is not installed.
        BackendError: The model cannot be loaded.
    """
    mode = {"logprobs_mode": "raw_logits", "max_logprobs": -1} if options.logits else {}
    engine = start(model, options, runner="generate", **mode)
    parse = options.parse_control_tokens
    if getattr(engine.config, "model_type", None) in FAMILIES:
        source = Source(model, options.hub(), adapters=options.adapters)
        seeing = vision_tokens(source, ends=engine.ends, parse_control_tokens=parse)
        return VisionLanguageModel(VisionEngine(engine, seeing), seeing, model, logits=options.logits)
    tokens = Tokens(engine.tokenizer, model, ends=engine.ends, parse_control_tokens=parse)
    return VllmLanguageModel(engine, tokens, model, logits=options.logits)
