"""Trust is what the evidence allows: 0 for an encoder that cannot read and for an order that chance explains."""

import pytest

from swaprank.scores.trust import coverage_trust, emphasis, order_trust


def test_an_encoder_is_trusted_as_far_as_it_reads_more_than_half() -> None:
    assert [coverage_trust(covered) for covered in (None, 1.0, 0.75, 0.5, 0.1, 0.0)] == [1.0, 1.0, 0.5, 0.0, 0.0, 0.0]


def test_an_order_is_trusted_as_far_as_other_evidence_bears_it_out() -> None:
    falling = [float(-rank) for rank in range(100)]
    assert order_trust(falling, falling) == pytest.approx(1 - 1 / 99)
    assert order_trust(falling, falling[::-1]) == 0.0
    assert order_trust(falling, [0.5] * 100) == 0.0
    assert order_trust([2.0, 1.0], [2.0, 1.0]) == 0.0
    assert order_trust([], []) == 0.0
    noisy = [score + 40 * ((7 * place) % 10) for place, score in enumerate(falling)]
    assert 0 < order_trust(falling, noisy) < 1 - 1 / 99


def test_a_candidate_that_one_list_does_not_hold_counts_as_its_lowest() -> None:
    falling = [float(-rank) for rank in range(100)]
    assert order_trust(falling, [*falling[:-1], None]) == pytest.approx(
        order_trust(falling, [*falling[:-1], -98.0]), abs=1e-3
    )
    assert order_trust([None, None], [1.0, 2.0]) == 0.0


def test_coherence_counts_beside_agreement_and_never_without_it() -> None:
    falling = [float(-rank) for rank in range(100)]
    faint = [score + 90 * ((7 * place) % 10) for place, score in enumerate(falling)]
    alone = order_trust(falling, faint)
    assert order_trust(falling, faint, coherence=-5.0) == 0.0
    assert alone < order_trust(falling, faint, coherence=5.0) < order_trust(falling, faint, coherence=9.0) < 1
    assert order_trust(falling, falling[::-1], coherence=50.0) == 0.0
    assert order_trust(falling, [0.5] * 100, coherence=50.0) == 0.0


def test_a_first_stage_counts_more_the_less_words_explain_it_and_the_more_it_is_believed() -> None:
    assert emphasis(1.0, 0.0) == 2.5
    assert emphasis(1.0, 0.45) == pytest.approx(1.75)
    assert emphasis(0.5, 0.0) == 1.375
    assert [emphasis(1.0, explained) for explained in (None, 0.9, 1.0)] == [1.0, 1.0, 1.0]
    assert emphasis(0.0, 0.0) == 1.0
