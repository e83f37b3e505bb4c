"""Parity of InsertRank with rank_llm's template, and scores that stay with their passages."""

import re

import pytest

from swaprank import InputError, Passage, Reranker
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import INPUTS, by_length, messages, same_text, same_with_fewer_words, texts

RECORDED = golden("insertrank")
FIRST = "first_stage_score"


def given(case, scores=None) -> list[Passage]:
    scores = scores or case["input_scores"]
    return [Passage(text, score=score) for text, score in zip(texts(case["input"]), scores, strict=True)]


def prompt_of(config: dict, query: str, passages) -> str:
    backend = ScriptedBackend(lambda request: Generated(""))
    Reranker({"method": "insertrank", "model": "scripted", **config}, backend=backend).rerank(query, passages)
    (_, system), (_, content) = messages(backend.requests[0].prompt)
    assert backend.requests[0].prompt.thinking is False
    return f"<|im_start|>system\n{system}<|im_end|><|im_start|>user\n{content}<|im_end|><|im_start|>assistant"


def shown_as_recorded(config: dict, case, passages) -> bool:
    def prompt(words: int) -> str:
        shown = prompt_of({**config, "max_words": words or 1}, INPUTS[case["input"]]["query"], passages)
        return f"{shown}<think>\n\n</think>"

    recorded = case["prompts"][0]
    return same_text(prompt(300), recorded) or same_with_fewer_words(prompt, recorded)


@pytest.mark.parametrize(
    "case", RECORDED["cases"], ids=lambda case: f"{case['input']}-{case['score_source']}-{case['scale']}"
)
def test_prompt(case) -> None:
    """With the recorded scores handed in, to the letter."""
    assert shown_as_recorded({"score_source": "retrieval"}, case, given(case))


BM25 = [case for case in RECORDED["cases"] if case["score_source"] == "bm25" and case["input"] != "arabic"]


@pytest.mark.parametrize("case", BM25, ids=lambda case: f"{case['input']}-{case['scale']}")
def test_our_bm25_and_scales(case) -> None:
    """Arabic differs on purpose: ours is normalised first."""
    assert shown_as_recorded({"scale": case["scale"]}, case, texts(case["input"]))


@pytest.mark.parametrize("case", RECORDED["strategy_cases"], ids=lambda case: f"{case['input']}-{case['window_size']}")
def test_scores_stay_with_their_passages(case) -> None:
    passages = given(case, [float(score) for score in scores_of(case)])

    def answer(request):
        slots = [part.text for part in request.prompt.messages[1].content if not isinstance(part, str)]
        order = by_length(slots[1:-1])
        shown.append(re.findall(r"BM25 score for passge \[\d+\]: ([\d.]+)", messages(request.prompt)[1][1]))
        return Generated(" > ".join(f"[{place + 1}]" for place in order))

    shown: list[list[str]] = []
    config = {"score_source": "retrieval", "window_size": case["window_size"], "step": case["step"]}
    config |= {"method": "insertrank", "model": "scripted", "empty_passages": "score", "max_words": 10**6}
    ranking = Reranker(config, backend=ScriptedBackend(answer)).rerank("query", passages)
    assert shown == [call["own_scores"] for call in case["calls"]]
    if all(" ".join(text.split()) == text for text in texts(case["input"])):
        assert ranking.order == case["order"]


def scores_of(case) -> list[str]:
    """The score of each passage, gathered from the recorded calls."""
    found = {}
    for call in case["calls"]:
        found |= dict(zip(call["passages"], call["own_scores"], strict=True))
    return [found[index] for index in range(len(found))]


def ranked(raw: str, n: int, **options):
    backend = ScriptedBackend(lambda request: Generated(raw))
    reranker = Reranker({"method": "insertrank", "model": "scripted", **options}, backend=backend)
    return reranker.rerank("query", [f"text {place}" for place in range(n)])


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
def test_replies(case) -> None:
    assert ranked(case["raw"], case["n"], official_parser=True).order == case["permutation"]


def test_repeated_scores_are_not_identifiers() -> None:
    assert ranked("[2] (BM25 5.321) > [4] (BM25 1.000)", 5).order == [1, 3, 0, 2, 4]


def test_a_missing_score_is_named() -> None:
    with pytest.raises(InputError, match="Passage 1 has the retrieval score None"):
        reranker = Reranker(
            {"method": "insertrank", "model": "scripted", "score_source": "retrieval"},
            backend=ScriptedBackend(lambda request: Generated("")),
        )
        reranker.rerank("query", [Passage("a", score=1.0), "b"])


def test_bm25_is_that_of_all_candidates_in_every_window() -> None:
    shown: list[dict[str, str]] = []

    def answer(request):
        pairs = re.findall(r"\[\d+\] (.*)\nBM25 score for passge \[\d+\]: ([\d.]+)", messages(request.prompt)[1][1])
        shown.append(dict(pairs))
        return Generated("")

    passages = [f"tea number {place}" if place % 3 else f"samovar {place}" for place in range(30)]
    Reranker({"method": "insertrank", "model": "scripted"}, backend=ScriptedBackend(answer)).rerank(
        "tea samovar", passages
    )
    alone = Reranker("bm25").rerank("tea samovar", passages)
    assert len(shown) == 2
    for window in shown:
        assert all(window[text] == f"{alone.scores[passages.index(text)]:.3f}" for text in window)


def test_entities_of_the_query_stay_and_titles_are_written_as_in_rank_llm() -> None:
    passages = [Passage("A&amp;B", title="T &lt; U"), Passage("[12] x")]
    shown = prompt_of({}, "A&amp;B [7]’s", passages)
    assert shown.count("A&amp;B (7)'s") == 2
    assert "[1] Title: T < U Content: A&B\n" in shown
    assert "[2] (12) x\n" in shown
