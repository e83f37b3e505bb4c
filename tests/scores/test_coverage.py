"""Coverage counts the letters in known pieces of two letters or more, and nothing else."""

import pytest

from swaprank.scores.coverage import READ_CHARACTERS, coverage


@pytest.mark.parametrize(
    ("text", "offsets", "known", "expected"),
    [
        ("tea milk", [(0, 3), (3, 8)], [True, True], 1.0),
        ("tea milk", [(0, 3), (3, 8)], [True, False], 3 / 7),
        ("tea milk", [(0, 1), (1, 3), (3, 8)], [True, True, True], 6 / 7),
        ("tea", [(0, 1), (1, 2), (2, 3)], [True, True, True], 0.0),
        ("tea", [], [], 0.0),
        ("a 1 2 34 _", [(0, 10)], [True], None),
        ("", [], [], None),
    ],
)
def test_coverage(text, offsets, known, expected) -> None:
    assert coverage(text, offsets, known) == (None if expected is None else pytest.approx(expected))


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    text = "a" * READ_CHARACTERS + "b" * 10**6
    pieces = [(place, place + 2) for place in range(0, len(text), 2)]
    assert coverage(text, pieces, [True] * len(pieces)) == 1.0
