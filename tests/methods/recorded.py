"""How the recordings of listwise, setwise, pairwise and groupwise codes are read."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Sequence

import pytest

from swaprank import Reranker
from swaprank.prompt import Chat, Prompt, plain
from swaprank.requests import Generate, Generated, LabelLogprobs, LabelScores, Request, Response
from swaprank.testing import ScriptedBackend
from tests.conftest import inputs

INPUTS = inputs()


def texts(name: str) -> list[str]:
    """The documents of an input."""
    return [document["text"] for document in INPUTS[name]["documents"]]


def same_text(text: str, recorded) -> bool:
    """Whether a text is the recorded one, which may be kept as its hash."""
    if isinstance(recorded, str):
        return text == recorded
    return hashlib.sha256(text.encode()).hexdigest() == recorded["sha256"] and len(text) == recorded["chars"]


def skip_if_cut(text: str, recorded) -> None:
    """Skip where the official code cut passages by words to fit a context: ours are cut later, by tokens."""
    if isinstance(recorded, dict) and len(text) > recorded["chars"]:
        pytest.skip("officially cut by words")


def same_with_fewer_words(prompt_of: Callable[[int], str], recorded) -> bool:
    """Whether a recorded prompt is ours with fewer words of each passage.

    rank_llm shows fewer words until a prompt fits the context, where ours is cut by tokens.

    Args:
        prompt_of: Our prompt with at most so many words of each passage.
        recorded: The recorded prompt, or its hash.
    """
    chars = len(recorded) if isinstance(recorded, str) else recorded["chars"]
    most = bisect.bisect_left(range(300), chars, key=lambda words: len(prompt_of(words)))
    return same_text(prompt_of(most), recorded)


def messages(prompt: Prompt) -> list[tuple[str, str]]:
    """The turns of a chat, with its slots filled in."""
    assert isinstance(prompt, Chat)
    return [(message.role, plain(message.content)) for message in prompt.messages]


def assert_messages(prompt: Prompt, recorded) -> None:
    """The chat says what was recorded, turn by turn."""
    turns = messages(prompt)
    assert [role for role, _ in turns] == [turn["role"] for turn in recorded]
    for (_, said), turn in zip(turns, recorded, strict=True):
        assert same_text(said, turn["content"])


def neutral(request: Request) -> Response:
    """An answer to anything a listwise method asks: the order shown."""
    if isinstance(request, LabelLogprobs):
        return LabelScores(tuple(-float(place) for place in range(len(request.labels))))
    return Generated("")


def first_prompt(config: dict, name: str, given: Sequence[str] | None = None) -> Prompt:
    """The first prompt that a method makes about an input."""
    backend = ScriptedBackend(neutral)
    reranker = Reranker({"model": "scripted", **config}, backend=backend)
    reranker.rerank(INPUTS[name]["query"], list(given or texts(name)))
    request = backend.requests[0]
    assert isinstance(request, Generate | LabelLogprobs)
    return request.prompt


def by_length(given: Sequence[str]) -> list[int]:
    """The order of the recorded oracle: most characters first, ties by text, then by position."""
    return sorted(range(len(given)), key=lambda index: (-len(given[index]), given[index], index))


def oracle(given: Sequence[str]) -> Callable[[Sequence[int]], list[float]]:
    """Scores of a group by the recorded oracle."""
    place = {index: rank for rank, index in enumerate(by_length(given))}
    return lambda group: [-float(place[index]) for index in group]
