"""Parity of the listwise baseline with llm-rankers."""

import pytest

from swaprank import Reranker
from swaprank.prompt import plain
from swaprank.requests import Generated, LabelScores, SequenceScore
from swaprank.testing import ScriptedBackend
from swaprank.types import ScoreKind
from tests.conftest import golden
from tests.methods.recorded import INPUTS, messages, same_text, texts

RECORDED = golden("ielab-listwise")


def run(answer, given, **options):
    backend = ScriptedBackend(answer)
    ranking = Reranker({"method": "ielab-listwise", "model": "scripted", **options}, backend=backend).rerank("q", given)
    return ranking, backend


SHORT = [case for case in RECORDED["parser_cases"] if isinstance(case["raw"], str) and "list_after" in case]


@pytest.mark.parametrize("case", SHORT, ids=lambda case: f"{case['raw']!r:.40}-{case['rank_start']}")
def test_replies(case) -> None:
    """A window in the middle of the list, as recorded."""
    start, end = case["rank_start"], case["rank_end"]
    given = [f"text {place}" for place in range(case["n"])]
    options = {"window_size": end - start, "step": 1, "rank_start": start, "rank_end": end, "official_parser": True}
    ranking, backend = run(lambda request: Generated(case["raw"]), given, **options)
    assert ranking.order == case["list_after"]
    assert len(backend.requests) == 1


def test_cuts_are_the_officials() -> None:
    _, backend = run(lambda request: Generated(""), ["a  b", "c"])
    request = backend.requests[0]
    slots = [part for message in request.prompt.messages for part in message.content if not isinstance(part, str)]
    assert {slot.max_tokens for slot in slots if slot.text == "q"} == {32}
    assert {slot.max_tokens for slot in slots if slot.text != "q"} == {128}
    assert messages(request.prompt)[3][1] == "[1] a b"
    assert request.max_tokens >= len("[1] > [2]")


def test_t5_prompt() -> None:
    [case] = [
        case for case in RECORDED["cases"] if case["input"] == "edison" and case["config"]["variant"] == "t5-generation"
    ]
    given = texts("edison")[1:]
    backend = ScriptedBackend(lambda request: Generated(""))
    config = {"method": "ielab-listwise", "model": "scripted", "conversation": "t5", "window_size": 4}
    Reranker(config, backend=backend).rerank(INPUTS["edison"]["query"], given)
    assert same_text(plain(backend.requests[0].prompt), case["calls"][0]["prompt"])


def test_likelihood_ranks_a_window_in_one_request() -> None:
    ranking, backend = run(lambda request: LabelScores((-3.0, -1.0, -2.0)), ["a", "b", "c"], scoring="likelihood")
    assert ranking.order == [1, 2, 0]
    assert ranking.score_kind is ScoreKind.LOGIT
    assert len(backend.requests) == 1
    t5, _ = run(
        lambda request: SequenceScore((-5.0, {"A": -3.0, "B": -1.0, "C": -2.0}[request.continuation[-1]])),
        ["a", "b", "c"],
        scoring="likelihood",
        conversation="t5",
    )
    assert t5.scores == [-3.0, -1.0, -2.0]


@pytest.mark.parametrize("conversation", ["chat", "t5"])
def test_the_mark_of_an_empty_title_is_dropped_where_a_ranking_is_written(conversation) -> None:
    _, backend = run(lambda request: Generated(""), ["Title: Content: one", "two"], conversation=conversation)
    prompt = backend.requests[0].prompt
    shown = plain(prompt) if conversation == "t5" else "\n".join(said for _, said in messages(prompt))
    assert "[1] one\n" in shown
    _, backend = run(lambda request: LabelScores((0.0, -1.0)), ["Title: Content: one", "two"], scoring="likelihood")
    assert '"Title: Content: one"' in messages(backend.requests[0].prompt)[0][1]


def test_white_space_is_collapsed_before_the_cut() -> None:
    """The official runner cuts first."""
    _, backend = run(lambda request: Generated(""), ["a \n\n b", "c"])
    slots = [part for turn in backend.requests[0].prompt.messages for part in turn.content if not isinstance(part, str)]
    assert [(slot.text, slot.max_tokens) for slot in slots if slot.text.startswith("a")] == [("a b", 128)]
