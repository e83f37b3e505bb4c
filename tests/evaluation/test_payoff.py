"""Whether reranking pays: gains beside what could be gained, verdicts that chance does not decide."""

import pytest

from swaprank import Passage, Reranker
from swaprank.errors import BackendError
from swaprank.evaluation.choosing.payoff import Payoff, payoffs
from swaprank.runs.evaluation import Dataset


@pytest.fixture
def dataset() -> Dataset:
    """Ten queries: the passage that names the query is third of four, and another relevant one is not found."""
    queries = {f"q{number}": f"word{number}" for number in range(10)}
    texts = {query: ["else", "nothing", text, "other"] for query, text in queries.items()}
    candidates = {
        query: [Passage(text, id=f"{query}-{place}", score=-float(place)) for place, text in enumerate(found)]
        for query, found in texts.items()
    }
    qrels = {query: {f"{query}-2": 1, "not found": 1} for query in queries}
    return Dataset("made up", queries, candidates, qrels)


def test_the_gain_beside_what_the_candidates_allow(dataset) -> None:
    [shallow, deep] = payoffs({"bm25": Reranker("bm25")}, dataset, [100, 2, 4], name="nDCG@10")
    # Of the first two candidates none is relevant.
    assert (shallow.gain, shallow.possible, shallow.share, shallow.verdict) == (0.0, 0.0, 0.0, "unclear")
    assert deep.possible == pytest.approx(1 / (1 + 0.6309297535714575))
    assert deep.first_stage == pytest.approx(deep.possible / 2)
    assert deep.share == pytest.approx(1.0)
    assert deep.gain_interval == pytest.approx((deep.gain, deep.gain))
    assert (deep.wins, deep.losses, deep.verdict) == (10, 0, "pays")
    # Two rows were tested, and all ten signs agree.
    assert deep.p == pytest.approx(2 * 2 / 2**10)
    assert deep.milliseconds > 0
    assert Payoff("x", 1, milliseconds=8.0).slowdown(2.0) == 5.0


def test_a_reranker_that_harms_and_one_that_fails_say_so(dataset) -> None:
    backwards = Reranker({"fusion": "combsum", "of": ["retrieval"], "weights": [1]})
    turned = Dataset(
        "turned",
        dataset.queries,
        {query: found[2:] + found[:2] for query, found in dataset.candidates.items()},
        dataset.qrels,
    )
    harms, fails = payoffs({"by score": backwards, "broken": BackendError("gone")}, turned, [4], name="RR@10")
    assert (harms.verdict, harms.wins, harms.losses) == ("harms", 0, 10)
    assert harms.share < 0 or harms.possible == harms.first_stage
    assert (fails.verdict, fails.error) == ("failed", "gone")
