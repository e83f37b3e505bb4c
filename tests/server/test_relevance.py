"""What a rerank interface calls relevance is that, and falls along the order."""

from swaprank import Passage, RankedPassage
from swaprank.server.replies import relevance


def ranked(*relevances):
    return [
        RankedPassage(place, Passage("text"), -float(place), place + 1, relevance=one)
        for place, one in enumerate(relevances)
    ]


def test_relevance_never_rises_along_the_order() -> None:
    assert relevance(ranked(0.4, 0.9, 0.1)) == [0.4, 0.4, 0.1]


def test_without_a_relevance_of_every_passage_it_is_the_score() -> None:
    assert relevance(ranked(0.4, None)) == [0.0, -1.0]
    assert relevance([]) == []
