"""The steps of methods that ask a vision-language model about one passage at a time, and read one of two words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..method import Steps, label_scores
from ..prompt import Chat, Text
from ..requests import LabelLogprobs
from ..types import Passage, Query
from ._activated import Activation, activated
from ._image_prompts import readable
from ._logit_margin import margins


def yes_no_steps(
    query: Query,
    passages: Sequence[Passage],
    prompt: Callable[[Query, Passage], Text | Chat],
    words: tuple[str, str],
    *,
    single: bool,
    max_length: int | None,
    activation: Activation,
    temperature: float = 1.0,
) -> Steps:
    """One forward pass per passage. A passage with nothing that can be read ranks last; the warnings say so.

    Args:
        query: The query.
        passages: The passages.
        prompt: Makes the prompt of a query and a passage, whose images can all be read.
        words: What the model answers about a relevant and about an irrelevant passage.
        single: Whether each of them must be a single token.
        max_length: Most tokens of a prompt.
        activation: Whether the score is the difference of the logits, or the probability of the first word.
        temperature: What the difference is divided by.
    """
    query, seen, problems = readable(query, passages)
    asked = [place for place, passage in enumerate(seen) if not passage.is_empty or not passages[place].images]
    responses = yield from label_scores(
        [LabelLogprobs(prompt(query, seen[place]), words, single=single, max_length=max_length) for place in asked]
    )
    found = {place: margin / temperature for place, margin in zip(asked, margins(responses), strict=True)}
    floor = min(found.values(), default=0.0) - 1.0
    logits = [found.get(place, floor) for place in range(len(passages))]
    return activated(logits, activation, warnings=problems)
