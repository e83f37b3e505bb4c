"""Prompts that do not fit: smaller groups, and errors that stay with their request."""

import re

import pytest

from swaprank import Reranker
from swaprank.errors import PromptTooLongError
from swaprank.prompt import plain
from swaprank.requests import Generated, Usage
from swaprank.testing import ScriptedBackend

CONFIG = {"method": "rankgpt", "model": "scripted"}


def bounded(most: int, *, in_place: bool):
    """Ranks by the number in the text; a prompt of more than ``most`` passages is too long."""

    def answer(request):
        texts = [plain(message.content) for message in request.prompt.messages]
        shown = [int(number) for text in texts for number in re.findall(r"^\[\d+\] text (\d+)", text)]
        if len(shown) > most:
            error = PromptTooLongError(f"{len(shown)} passages")
            if in_place:
                return error
            raise error
        order = sorted(range(len(shown)), key=lambda place: -shown[place])
        return Generated(" > ".join(f"[{place + 1}]" for place in order), usage=Usage(10, 5, cut=2))

    return answer


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("most", [2, 3, 5, 9])
def test_windows_shrink_until_they_fit(most, in_place) -> None:
    backend = ScriptedBackend(bounded(most, in_place=in_place))
    ranking = Reranker(CONFIG, backend=backend).rerank("query", [f"text {place}" for place in range(17)])
    assert sorted(ranking.order) == list(range(17))
    assert ranking.order[0] == 16
    assert ranking.repairs == 0
    assert all(call.cut == 2 for call in ranking.calls)


def test_what_does_not_fit_alone_is_an_error() -> None:
    backend = ScriptedBackend(bounded(1, in_place=True))
    with pytest.raises(PromptTooLongError, match="2 passages"):
        Reranker(CONFIG, backend=backend).rerank("query", ["text 1", "text 2", "text 3"])
    kept = Reranker({**CONFIG, "on_error": "keep_order"}, backend=backend).rerank("query", ["text 1", "text 2"])
    assert kept.order == [0, 1]
    assert kept.failures


def test_one_prompt_too_long_does_not_hold_the_others() -> None:
    """An error in place of a response is that request's alone."""
    backend = ScriptedBackend(bounded(3, in_place=True))
    reranker = Reranker({**CONFIG, "on_error": "keep_order"}, backend=backend)
    short, long = reranker.rerank_many(["a", "b"], [["text 1", "text 2"], [f"text {place}" for place in range(6)]])
    assert short.order == [1, 0]
    assert len(short.calls) == 1
    assert long.order[0] == 5
    assert not short.failures and not long.failures


def test_groups_are_split_where_scores_are_absolute() -> None:
    def answer(request):
        shown = re.findall(r"^\[(\d+)\]\. text (\d+)$", plain(request.prompt.messages[1].content), re.MULTILINE)
        if len(shown) > 4:
            return PromptTooLongError("too long")
        return Generated("{" + ", ".join(f'"[{number}]": {score}' for number, score in shown) + "}")

    backend = ScriptedBackend(answer)
    reranker = Reranker({"method": "grouprank", "model": "scripted"}, backend=backend)
    ranking = reranker.rerank("query", [f"text {place}" for place in range(8)])
    assert ranking.order == list(range(7, -1, -1))
    assert ranking.scores[7] == pytest.approx(0.7)
