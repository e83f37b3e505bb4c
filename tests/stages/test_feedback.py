"""Relevance feedback: what the query embedding learns, and from what."""

import asyncio

import numpy as np
import pytest

from swaprank import Feedback, InputError, Passage, Query, Reranker
from swaprank.requests import EmbedPrompt, PairScored
from swaprank.stages.feedback import logits, moved, with_embeddings
from swaprank.testing import ScriptedBackend, arbitrary_response

DRAW = np.random.default_rng(3)
PASSAGES = DRAW.normal(size=(6, 16))
QUERY = DRAW.normal(size=16)
SCORES = [0.0, 4.0, 1.0, -2.0, 0.5, -1.0]
TEXTS = [f"passage {place}" for place in range(6)]


def softmax(scores) -> np.ndarray:
    raised = np.exp(np.asarray(scores) - max(scores))
    return raised / raised.sum()


def divergence(query) -> float:
    """Of the retriever's distribution from the reranker's, at the scale that the start gives."""
    scale = np.ptp(SCORES) / np.ptp(PASSAGES @ QUERY) / 2
    wanted, found = softmax(SCORES), softmax(scale * (PASSAGES @ query))
    return float((wanted * np.log(wanted / found)).sum())


def reranker(**options) -> Reranker:
    def judge(request):
        score = SCORES[TEXTS.index(request.passage)]
        return PairScored(logit=score, activation="identity", activated=score)

    return Reranker({"method": "cross-encoder", "model": "any", **options}, backend=ScriptedBackend(judge))


def passages() -> list[Passage]:
    return [Passage(text, embedding=tuple(vector)) for text, vector in zip(TEXTS, PASSAGES, strict=True)]


def asked() -> Query:
    return Query("q", embedding=tuple(QUERY))


def test_the_retriever_comes_to_agree_with_the_reranker() -> None:
    found = [moved(QUERY, PASSAGES, SCORES, Feedback(steps=steps)) for steps in (0, 10, 100, 2000)]
    distances = [divergence(vector) for vector in found]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-4 < distances[0]
    assert np.argsort(-PASSAGES @ found[-1]).tolist() == np.argsort(-np.array(SCORES)).tolist()


def test_no_steps_leave_the_query() -> None:
    assert moved(QUERY, PASSAGES, SCORES, Feedback(steps=0)).tolist() == QUERY.tolist()


def test_the_first_step_follows_the_gradient() -> None:
    """Adam's first step is the learning rate against the sign of the gradient, here taken numerically."""
    nudges = np.eye(16) * 1e-6
    gradient = [(divergence(QUERY + nudge) - divergence(QUERY - nudge)) / 2e-6 for nudge in nudges]
    step = moved(QUERY, PASSAGES, SCORES, Feedback(steps=1, learning_rate=0.01)) - QUERY
    np.testing.assert_allclose(step, -0.01 * np.sign(gradient), rtol=1e-4)


def test_equal_passages_and_equal_scores_do_not_break_it() -> None:
    same = np.ones((3, 16))
    assert np.isfinite(moved(QUERY, same, [1.0, 2.0, 3.0], Feedback())).all()
    assert np.isfinite(moved(QUERY, PASSAGES[:3], [1.0, 1.0, 1.0], Feedback())).all()
    assert np.isfinite(moved(QUERY, PASSAGES[:1], [1.0], Feedback())).all()


def test_a_reranker_moves_the_query() -> None:
    own = reranker()
    ranking = own.rerank(asked(), passages())
    found = own.feedback(asked(), ranking, how=Feedback(k=4))
    first = [1, 2, 4, 0]
    expected = moved(QUERY, PASSAGES[first], [SCORES[index] for index in first], Feedback(k=4))
    assert found == pytest.approx(expected.tolist())
    assert all(type(value) is float for value in found)
    assert asyncio.run(own.afeedback(asked(), ranking, how=Feedback(k=4))) == found


def test_a_function_brings_the_embeddings_that_are_missing() -> None:
    own = reranker()
    texts: list[list[str]] = []

    def embeddings(given):
        texts.append(given)
        return [tuple(PASSAGES[TEXTS.index(text)]) for text in given]

    half = [*passages()[:3], *(Passage(text) for text in TEXTS[3:])]
    found = own.feedback(asked(), own.rerank(asked(), half), embeddings=embeddings)
    assert texts == [["passage 4", "passage 5", "passage 3"]]
    assert found == pytest.approx(own.feedback(asked(), own.rerank(asked(), passages())))
    with pytest.raises(InputError, match="gave 0 vectors"):
        with_embeddings(half, lambda _: [])


def test_probabilities_and_ranks_stand_for_themselves() -> None:
    ranking = reranker(normalize="sigmoid").rerank("q", passages())
    probabilities = sorted((1 / (1 + np.exp(-score)) for score in SCORES), reverse=True)
    np.testing.assert_allclose(softmax(logits(ranking, 6)), np.array(probabilities) / sum(probabilities))
    assert logits(reranker().rerank("q", passages()), 2) == [4.0, 1.0]


def test_the_scale_of_the_scores_does_not_decide_the_order_that_is_learnt() -> None:
    for factor in (0.05, 0.3, 1.0):
        found = moved(QUERY, PASSAGES, [factor * score for score in SCORES], Feedback(steps=500))
        assert np.argsort(-PASSAGES @ found)[:3].tolist() == [1, 2, 4]


def test_what_is_missing_is_named() -> None:
    own = reranker()
    ranking = own.rerank("q", passages())
    with pytest.raises(InputError, match="'q' has no embedding to move"):
        own.feedback("q", ranking)
    with pytest.raises(InputError, match="2 of 6 passages have no embedding"):
        own.feedback(asked(), own.rerank("q", [*passages()[:4], *(Passage(text) for text in TEXTS[4:])]))
    with pytest.raises(InputError, match="different sizes"):
        own.feedback(Query("q", embedding=(1.0, 2.0)), ranking)
    with pytest.raises(InputError, match="k=0"):
        Feedback(k=0)


def test_nothing_found_leaves_the_query() -> None:
    own = reranker()
    assert own.feedback(asked(), own.rerank("q", [])) == pytest.approx(QUERY.tolist())


def test_e2rank_reads_the_best_passages() -> None:
    backend = ScriptedBackend(arbitrary_response)
    own = Reranker({"method": "e2rank", "model": "any", "num_input_docs": 2}, backend=backend)
    ranking = own.rerank("q", TEXTS)
    backend.requests.clear()
    found = own.feedback("q", ranking)
    [request] = backend.requests
    assert isinstance(request, EmbedPrompt)
    shown = [part.text for part in request.prompt.messages[0].content if not isinstance(part, str)]
    assert shown[1:] == [TEXTS[ranking.order[0]], TEXTS[ranking.order[1]], "q"]
    assert found == list(arbitrary_response(request).vector)


def test_e2rank_as_a_plain_bi_encoder_moves_the_query() -> None:
    backend = ScriptedBackend(arbitrary_response)
    own = Reranker({"method": "e2rank", "model": "any", "mode": "embedding"}, backend=backend)
    with pytest.raises(InputError, match="no embedding to move"):
        own.feedback("q", own.rerank("q", passages()))
