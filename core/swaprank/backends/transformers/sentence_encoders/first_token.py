"""Cross-encoders whose head is one linear layer on the first token's vector: Margin-MSE students (`BERT_Cat`).

sentence-transformers does not load them. Their forward pass is that of a token classifier, read at the first token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ..._checkpoints.bert_cat import base_access, student_base
from ..._checkpoints.source import Source
from ..loading.networks import load_network, source_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from ..options import TransformersOptions


class FirstTokenModel:
    """What a cross-encoder of sentence-transformers is to `PairEncoder`.

    Args:
        network: A token classifier of one output.
        tokenizer: The tokenizer of its base.

    Attributes:
        network: As given.
        tokenizer: As given.
        max_seq_length: Most tokens of a pair.
        num_labels: Always 1.
        activation_fn: None is trained: the score is the logit.
    """

    num_labels = 1

    def __init__(self, network: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        import torch

        self.network = network
        self.tokenizer = tokenizer
        self.max_seq_length: int | None = min(tokenizer.model_max_length, network.config.max_position_embeddings)
        self.activation_fn: torch.nn.Module = torch.nn.Identity()

    @property
    def device(self) -> Any:
        """Where the network is."""
        return self.network.device

    def __call__(self, features: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The scores [pairs, 1] of padded pairs."""
        first = self.network.base_model(**features).last_hidden_state[:, 0]
        return {"scores": self.network.classifier(first)}


def student(model: str, options: TransformersOptions) -> FirstTokenModel:
    """Load a student with the config and the tokenizer of its base.

    Raises:
        BackendError: It, or the base that it names, cannot be loaded.
        ConfigError: Its config names no base.
    """
    source = source_of(model, options)
    base = student_base(source.raw_config(), Path(source.path))
    if base is None:
        raise ConfigError(
            f"The config of {model!r} does not say which model it was tuned from.",
            hint="Write its hub id or folder into config.json, as bert_model.",
        )
    origin = Source(base, base_access(options.hub()))
    config = origin.config()
    config.num_labels = 1
    names = {r"^bert_model\.": f"{_prefix(config)}.", r"^_classification_layer\.": "classifier."}
    network = load_network(source, options, "AutoModelForTokenClassification", config=config, key_mapping=names)
    return FirstTokenModel(network, origin.tokenizer())


def _prefix(config: Any) -> str:
    """What the names of the tensors below the head begin with."""
    import transformers

    networks: Any = transformers.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING
    return str(networks[type(config)].base_model_prefix)
