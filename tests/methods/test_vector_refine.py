"""Parity of vector-refine with SuperGlobal's official code, and what it does with vectors that are missing or odd."""

import pytest

from swaprank import InputError, Passage, Query, Reranker
from swaprank.requests import Embed, Embedded
from swaprank.testing import ScriptedBackend
from tests.conftest import golden

RECORDED = golden("vector-refine")
RUNS = [(case, number) for case in RECORDED["cases"] for number in range(len(case["query"]))]


def reranker(**options) -> Reranker:
    return Reranker({"method": "vector-refine", **options})


def passages(vectors) -> list[Passage]:
    return [Passage(f"text {place}", id=f"d{place}", embedding=vector) for place, vector in enumerate(vectors)]


@pytest.mark.parametrize(("case", "number"), RUNS, ids=[f"{case['what']}-{number}" for case, number in RUNS])
def test_the_official_code(case, number) -> None:
    method = reranker(candidates=case["M"], neighbours=case["K"], beta=case["beta"], unit_vectors=False)
    ranking = method.rerank(Query("q", embedding=case["query"][number]), passages(case["documents"]))
    assert ranking.order == case["order"][number]
    for ours, official in zip(ranking.scores, case["scores"][number], strict=True):
        assert official is None or ours == pytest.approx(official, abs=1e-5)
    assert not ranking.calls


def test_vectors_of_any_length_count_alike() -> None:
    case = RECORDED["cases"][0]
    options = {"candidates": case["M"], "neighbours": case["K"], "beta": case["beta"]}
    stretched = [[(place + 1) * number for number in vector] for place, vector in enumerate(case["documents"])]
    query = Query("q", embedding=[7 * number for number in case["query"][0]])
    ranking = reranker(**options).rerank(query, passages(stretched))
    # The recorded vectors are rounded to four digits, and so nearly of length 1.
    assert ranking.scores == pytest.approx(case["scores"][0], abs=1e-4)


def test_equal_vectors_keep_their_order() -> None:
    vectors = [[0.6, 0.8, 0.1], [1.0, 0.3, 0.2], [0.6, 0.8, 0.1], [1.0, 0.3, 0.2]]
    assert reranker().rerank(Query("q", embedding=[1.0, 0.1, 0.0]), passages(vectors)).order == [1, 3, 0, 2]


def test_opposite_vectors_do_not_blow_up() -> None:
    ranking = reranker(beta=1.0).rerank(Query("q", embedding=[1.0, 0.0]), passages([[1.0, 0.0], [-1.0, 0.0]]))
    assert ranking.scores == pytest.approx([1.0, -1.0])


def test_a_zero_vector_is_scored() -> None:
    assert reranker().rerank(Query("q", embedding=[1.0, 0.0]), passages([[0.0, 0.0], [1.0, 0.0]])).order == [1, 0]


def test_missing_vectors_are_named() -> None:
    candidates = [Passage("a", id="here", embedding=[1.0, 0.0]), Passage("b", id="gone"), Passage("c")]
    with pytest.raises(InputError, match=r"none of 2 of 3 passages \(passage 'gone', passage 2\)"):
        reranker().rerank(Query("q", embedding=[1.0, 0.0]), candidates)
    with pytest.raises(InputError, match=r"none of the query\.[\s\S]*embed_missing: true"):
        reranker().rerank("q", candidates[:1])


def test_missing_vectors_are_embedded_if_wanted() -> None:
    backend = ScriptedBackend(lambda request: Embedded([1.0, 0.0] if request.text == "near" else [0.6, 0.8]))
    method = Reranker({"method": "vector-refine", "embed_missing": True}, backend=backend)
    ranking = method.rerank(Query("q", embedding=[1.0, 0.0]), [Passage("far"), Passage("near")])
    assert ranking.order == [1, 0]
    assert [request.text for request in backend.requests if isinstance(request, Embed)] == ["far", "near"]


@pytest.mark.parametrize(
    ("vector", "says"),
    [([1.0, 0.0, 0.0], "'d1' has 3 dimensions, that of the query 2"), ([float("nan"), 1.0], "'d1' has numbers")],
)
def test_vectors_that_do_not_compare_are_refused(vector, says) -> None:
    with pytest.raises(InputError, match=says):
        reranker().rerank(Query("q", embedding=[1.0, 0.0]), passages([[1.0, 0.0], vector]))
