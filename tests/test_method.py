"""The helpers that methods ask with give typed responses, or say which kind came instead."""

from __future__ import annotations

import pytest

from swaprank.errors import ResponseError
from swaprank.method import generate, lexical_scores
from swaprank.requests import Generate, Generated, Lexical, LexicalScores


def test_the_responses_come_back_in_order() -> None:
    steps = generate([Generate("a", 1), Generate("b", 1)])
    assert [request.prompt for request in next(steps) if isinstance(request, Generate)] == ["a", "b"]
    with pytest.raises(StopIteration) as end:
        steps.send([Generated("1"), Generated("2")])
    assert [reply.text for reply in end.value.value] == ["1", "2"]


def test_another_kind_of_response_is_named() -> None:
    steps = lexical_scores([Lexical("q", ("p",))])
    next(steps)
    with pytest.raises(ResponseError, match="expects LexicalScores responses and got Generated"):
        steps.send([Generated("1")])


def test_too_few_responses_are_counted() -> None:
    steps = lexical_scores([Lexical("q", ("p",)), Lexical("q", ("p",))])
    next(steps)
    with pytest.raises(ResponseError, match="2 questions and got 1"):
        steps.send([LexicalScores((1.0,))])


def test_nothing_is_asked_for_no_requests() -> None:
    with pytest.raises(StopIteration) as end:
        next(generate([]))
    assert end.value.value == []
