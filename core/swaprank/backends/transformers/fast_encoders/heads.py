"""Classification heads of transformers' networks, on the hidden states that they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# The network with a head, and the first tokens' vectors [texts, 1, size]; to logits [texts, labels].
Head = Callable[[Any, "torch.Tensor"], "torch.Tensor"]


def _bert(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(network.bert.pooler(rows))
    return found


def _roberta(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(rows)
    return found


def _distilbert(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(network.pre_classifier(rows[:, 0]).relu())
    return found


def _token(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(rows[:, 0])
    return found


def _modernbert(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(network.head(rows[:, 0]))
    return found


def _deberta(network: Any, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network.classifier(network.pooler(rows))
    return found


# By the class of the network.
HEADS: dict[str, Head] = {
    "BertForSequenceClassification": _bert,
    "RobertaForSequenceClassification": _roberta,
    "XLMRobertaForSequenceClassification": _roberta,
    "CamembertForSequenceClassification": _roberta,
    "DistilBertForSequenceClassification": _distilbert,
    # Token classifiers that are read at the first token.
    "BertForTokenClassification": _token,
    "DistilBertForTokenClassification": _token,
    "ModernBertForSequenceClassification": _modernbert,
    "DebertaV2ForSequenceClassification": _deberta,
}


def reads_mean(network: Any) -> bool:
    """Whether the head reads the mean of all tokens and not the first one."""
    return getattr(network.config, "classifier_pooling", "cls") == "mean"
