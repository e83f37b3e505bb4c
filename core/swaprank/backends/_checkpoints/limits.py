"""How long the texts may be that a model reads, and which tokens end its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def positions(config: PretrainedConfig) -> int | None:
    """How many tokens the config has positions for; None where it says nothing."""
    own: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    if own is None or not any(kin in config.model_type for kin in ("roberta", "camembert")):
        return own
    # RoBERTa and its kin count positions from after the padding index.
    return own - int(config.pad_token_id or 0) - 1


def positions_of(config: Mapping[str, Any]) -> int | None:
    """As `positions`, of what a ``config.json`` holds; None where positions are relative, too."""
    own = config.get("max_position_embeddings")
    if not isinstance(own, int) or own < 1 or config.get("position_biased_input") is False:
        return None
    if not any(kin in str(config.get("model_type", "")) for kin in ("roberta", "camembert")):
        return own
    return own - int(config.get("pad_token_id", 1) or 0) - 1


def check_max_length(max_length: int | None, most: int | None, model: str) -> None:
    """Refuse to read more tokens than a model has positions for.

    Args:
        max_length: Tokens asked for; None for as many as the model reads.
        most: Tokens that the model reads; None for no limit.
        model: The model's name for the message.

    Raises:
        ConfigError: More are asked for.
    """
    if max_length and most and max_length > most:
        raise ConfigError(
            f"max_length is {max_length}, and the model {model!r} reads at most {most} tokens.",
            hint=f"Set max_length: {most} or less.",
        )


def end_tokens(*named: Any) -> list[int]:
    """Token ids out of entries ``eos_token_id``, each an id, a list of ids, or None."""
    found: list[int] = []
    for own in named:
        found += own if isinstance(own, list) else [] if own is None else [own]
    return found
