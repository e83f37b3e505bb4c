"""Margin-MSE students (`BERT_Cat`): a network's weights and a head, whose config names the model they were tuned from.

Hofstätter et al., Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge Distillation (2020). The
layout is that of sebastian-hofstaetter/neural-ranking-kd (Apache-2.0): config and tokenizer stay with the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .hub import HubAccess

MODEL_TYPE = "BERT_Cat"


def student_base(config: Mapping[str, Any], folder: Path) -> str | None:
    """The model whose config and tokenizer a student takes; None for any other model, and where none is named.

    Args:
        config: What the student's config.json holds.
        folder: Where it lies. The base may lie beside it, so that the two can travel together.
    """
    base = config.get("bert_model")
    if config.get("model_type") != MODEL_TYPE or not isinstance(base, str) or not base:
        return None
    beside = folder.parent / base
    return str(beside) if beside.exists() and not Path(base).exists() else base


def base_access(access: HubAccess) -> HubAccess:
    """How the base is got: without its weights, which the student has its own of."""
    return replace(access.of_another(), weights=False)
