"""Coherence tells the order of a retriever from one that means nothing, whatever the query is."""

import random
import statistics

import pytest

from swaprank.scores.coherence import CHARACTERS, PASSAGES, coherence

WORDS = [f"word{number}" for number in range(400)]


def about(topic: int, chance: random.Random) -> str:
    """A passage of twelve words of its topic and eight of any."""
    return " ".join([*chance.choices(WORDS[20 * topic : 20 * topic + 20], k=12), *chance.choices(WORDS, k=8)])


def found(count: int = 60, seed: int = 0) -> list[str]:
    """As a retriever leaves them: those of one topic mostly at the top, the others below in no order."""
    chance = random.Random(seed)
    return [about(0 if chance.random() < 2 / (1 + place / 10) else 1 + place % 7, chance) for place in range(count)]


def test_the_order_of_a_retriever_is_coherent_and_a_shuffled_one_is_not() -> None:
    texts = found()
    assert coherence(texts) > 4
    chance = random.Random(1)
    shuffled = [coherence(chance.sample(texts, len(texts))) for _ in range(200)]
    assert statistics.mean(shuffled) == pytest.approx(0, abs=0.25)
    assert statistics.stdev(shuffled) == pytest.approx(1, abs=0.25)


def test_parts_of_documents_in_a_row_are_not_coherent_by_that_alone() -> None:
    chance = random.Random(2)
    documents = [[about(topic, chance) for _ in range(5)] for topic in range(12)]
    values = []
    for _ in range(30):
        chance.shuffle(documents)
        values.append(coherence([part for document in documents for part in document]))
    assert max(values) < coherence(found())
    assert statistics.mean(values) < 1


@pytest.mark.parametrize("texts", [[], ["tea"], found(7), [""] * 20, ["tea"] * 20, [f"word{n}" for n in range(20)]])
def test_nothing_is_said_of_few_passages_and_of_equally_alike_ones(texts) -> None:
    assert coherence(texts) is None


def test_so_much_is_read_as_is_promised() -> None:
    texts = [text.ljust(CHARACTERS) for text in found(PASSAGES)]
    assert coherence([f"{text} {number}" for number, text in enumerate(texts)] + ["tea"] * 9) == coherence(texts)
