"""A secret is not shown where a text was cut within it, nor by the errors behind an error."""

from __future__ import annotations

from swaprank.backends._common.secrets import Secrets

KEY = "eyJ" + "abcXYZ019" * 60


def test_a_text_that_was_cut_within_a_secret_shows_nothing_of_it() -> None:
    secrets = Secrets([f"Bearer {KEY}"])
    for cut in range(6, len(KEY) + 1):
        assert secrets.masked(f"You sent {KEY[:cut]}") == "You sent ***"


def test_a_cause_is_kept_only_where_no_error_behind_it_shows_a_secret() -> None:
    secrets = Secrets([KEY])
    harmless, behind = ValueError("no answer"), ValueError("no answer")
    behind.__cause__ = RuntimeError(f"401 for {KEY}")
    assert secrets.cause(harmless) is harmless
    assert secrets.cause(behind) is None
