"""One call to a server counts as one request, and what a service says it bills is read."""

import pytest

from swaprank.backends.http.took import Took, took_by


@pytest.mark.parametrize(
    ("payload", "took"),
    [
        ({"meta": {"billed_units": {"search_units": 2}, "tokens": {"input_tokens": 70}}}, Took(70, 2.0)),
        ({"usage": {"total_tokens": 41}}, Took(41, 41.0)),
        ({"usage": {"prompt_tokens": 40, "total_tokens": 41}}, Took(40, 41.0)),
        ({"usage": None, "meta": "x"}, Took(0, 0.0)),
        ([{"index": 0, "score": 1}], Took(0, 0.0)),
    ],
)
def test_replies_say_what_they_took(payload, took) -> None:
    assert took_by(payload) == took


def test_the_answers_of_one_call_are_one_request() -> None:
    shares = Took(7, 1.0).shares(3)
    assert [share.input_tokens for share in shares] == [3, 2, 2]
    assert sum(share.requests for share in shares) == 1
    assert sum(share.billed_units for share in shares) == 1.0
