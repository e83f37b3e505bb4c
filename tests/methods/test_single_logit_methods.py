"""Parity of zerank, Contextual AI's reranker v2 and duoT5 with their official codes: token ids, scores, order."""

import logging
import math

import pytest

from swaprank import Query, Reranker, ScoreKind
from swaprank.methods import contextual_rerank_v2, duot5, zerank
from swaprank.requests import LabelScores
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.llm import case_id, requests, rerank, same_ids, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

ZERANK = golden("zerank")
CONTEXTUAL = golden("contextual-rerank-v2")
DUOT5 = golden("duot5")


def same_order(ranking, recorded) -> bool:
    return ranking.order == sorted(range(len(recorded)), key=lambda index: (-round(recorded[index], 5), index))


@pytest.mark.parametrize("case", ZERANK["cases"], ids=case_id)
def test_zerank(case) -> None:
    own = tokens(ZERANK["model"])
    asked = requests(case, zerank.METHOD())
    assert all(
        same_ids(own.encode(one.prompt).ids, recorded) for one, recorded in zip(asked, case["prompts"], strict=True)
    )
    ranking = rerank(case, "zerank", ZERANK["model"])
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    assert ranking.score_kind is ScoreKind.PROBABILITY
    assert same_order(ranking, case["scores"])
    logits = rerank(case, "zerank", ZERANK["model"], activation="identity")
    assert logits.scores == pytest.approx(case["raw"]["yes_logits"], abs=1e-4)
    assert logits.relevance == pytest.approx(case["scores"], abs=5e-5)


def test_zerank_cuts_by_characters_and_strips_what_is_left() -> None:
    backend = ScriptedBackend(lambda _: LabelScores((-1.0,), (2.0,)))
    options = {"query_max_chars": 4, "passage_max_chars": 6}
    ranking = Reranker({"method": "zerank", "model": "any", **options}, backend=backend).rerank("abc def", [" passage"])
    [request] = backend.requests
    assert [part.text for message in request.prompt.messages for part in message.content] == ["abc", "passa"]
    assert ranking.scores == [pytest.approx(1 / (1 + math.exp(-0.4)))]


@pytest.mark.parametrize("case", CONTEXTUAL["cases"], ids=lambda case: f"{case['input']}-{bool(case['instruction'])}")
def test_contextual_rerank_v2(case) -> None:
    options = {"instruction": case["instruction"], "max_length": 32768}
    own = tokens(CONTEXTUAL["model"])
    asked = requests(case, contextual_rerank_v2.METHOD(**options))
    assert all(
        same_ids(own.encode(one.prompt, one.max_length).ids, recorded)
        for one, recorded in zip(asked, case["prompts"], strict=True)
    )
    ranking = rerank(case, "contextual-rerank-v2", CONTEXTUAL["model"], **options)
    # The tiny model's limit is 8,192 tokens, which the recording ignores.
    read = [place for place, ids in enumerate(case["prompts"]) if isinstance(ids, list) or ids["count"] <= 8192]
    logits = [case["raw"]["logits"][place] for place in read]
    assert [ranking.scores[place] for place in read] == pytest.approx(logits, abs=1e-4)
    assert logits == pytest.approx([case["scores"][place] for place in read], rel=2**-8)
    assert ranking.score_kind is ScoreKind.LOGIT
    assert [place for place in ranking.order if place in read] == sorted(
        read, key=lambda place: -case["raw"]["logits"][place]
    )


def test_contextual_rerank_v2_cuts_the_document_and_keeps_the_query() -> None:
    edge = next(case for case in CONTEXTUAL["cases"] if case["input"] == "edge")
    own = tokens(CONTEXTUAL["model"])
    asked = requests(edge, contextual_rerank_v2.METHOD(max_length=256))
    encoded = own.encode(asked[1].prompt, asked[1].max_length)
    assert len(encoded.ids) == 256
    assert encoded.ids[-20:] == edge["prompts"][1]["last_50"][-20:]


def test_the_instruction_of_a_query_stands_in_place_of_the_configs() -> None:
    backend = ScriptedBackend(lambda _: LabelScores((-1.0,), (2.0,)))
    config = {"method": "contextual-rerank-v2", "model": "any", "instruction": "CONFIGURED"}
    Reranker(config, backend=backend).rerank(Query("q", instruction="PER QUERY"), ["p"])
    assert "PER QUERY" in repr(backend.requests[0].prompt)
    assert "CONFIGURED" not in repr(backend.requests[0].prompt)


@pytest.mark.parametrize("method", ["zerank", "contextual-rerank-v2", "bge-llm-reranker"])
def test_a_backend_without_logits_ranks_by_logprobs_and_says_so(method, caplog) -> None:
    answers = {"a": LabelScores((-3.0,)), "b": LabelScores((-0.5,))}
    backend = ScriptedBackend(lambda request: answers["a" if "'a'" in repr(request.prompt) else "b"])
    with caplog.at_level(logging.WARNING):
        ranking = Reranker({"method": method, "model": "any"}, backend=backend).rerank("q", ["a", "b"])
    assert ranking.order == [1, 0]
    assert f"{method} ranks by log-probabilities" in caplog.text


@pytest.mark.parametrize("case", DUOT5["cases"], ids=case_id)
def test_duot5_asks_what_rank_llm_asks(case) -> None:
    own = tokens(DUOT5["model"])
    asked = requests(case, duot5.METHOD(both_orders=False))
    assert len(asked) == len(case["prompts"])
    encoded = [own.encode(one.prompt, one.max_length) for one in asked]
    assert all(len(one.ids) <= 512 for one in encoded)
    whole = [place for place, one in enumerate(encoded) if not one.cut]
    assert len(whole) >= len(asked) * 2 // 3
    for place in whole:
        assert encoded[place].ids == case["prompts"][place]


@pytest.mark.parametrize("case", [case for case in DUOT5["cases"] if not case["cut"]], ids=case_id)
def test_duot5(case) -> None:
    for both, scores in ((False, case["scores"]), (True, case["both_scores"])):
        ranking = rerank(case, "duot5", DUOT5["model"], both_orders=both)
        assert ranking.scores == pytest.approx(scores, abs=DUOT5["tolerance"]["scores_abs"])
        assert same_order(ranking, scores)


def test_duot5_keeps_the_question_of_a_prompt_that_is_too_long() -> None:
    edge = next(case for case in DUOT5["cases"] if case["cut"])
    own = tokens(DUOT5["model"])
    first = requests(edge, duot5.METHOD())[0]
    whole = own.decode(own.encode(first.prompt, first.max_length).ids)
    assert "Document1:" in whole
    assert whole.rstrip().endswith("Relevant:")
