"""Failures of a framework's LLM object: no key in the message, and the statuses that may pass are retryable."""

from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from swaprank.adapters import FrameworkLlm, LlmOptions
from swaprank.backends._common.transient import TRANSIENT_STATUSES
from swaprank.requests import Generate, LabelLogprobs, PairScore


class Failing(FrameworkLlm):
    def __init__(self, error: Exception, **held) -> None:
        super().__init__(LlmOptions(), "m", has_logprobs=True)
        self.error, self.llm = error, SimpleNamespace(**held)

    def chat(self, messages, stop, top_logprobs):
        raise self.error

    async def achat(self, messages, stop, top_logprobs):
        raise self.error


class StatusError(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


@pytest.mark.parametrize("held", [{"api_key": "sk-abcdefgh"}, {"openai_api_key": SecretStr("sk-abcdefgh")}], ids=str)
async def test_a_key_that_the_object_holds_is_masked(held) -> None:
    llm = Failing(ValueError("bad key sk-abcdefgh\x1b[2J"), max_tokens=5, **held)
    for [failure] in (llm.run([Generate("q", 5)]), await llm.arun([Generate("q", 5)])):
        assert "ValueError: bad key ***\\x1b[2J" in str(failure)
        assert failure.__cause__ is None  # its text would show the key in a traceback


def test_a_harmless_cause_is_kept() -> None:
    [failure] = Failing(cause := ValueError("out of order")).run([Generate("q", 5)])
    assert failure.__cause__ is cause


@pytest.mark.parametrize("status", [400, 401, 404, *sorted(TRANSIENT_STATUSES)])
def test_statuses_that_may_pass_are_those_of_servers(status) -> None:
    [failure] = Failing(StatusError(status)).run([LabelLogprobs("q", ("a",))])
    assert failure.retryable is (status in TRANSIENT_STATUSES)


def test_other_requests_are_refused() -> None:
    [failure] = Failing(ValueError()).run([PairScore("q", "p")])
    assert "cannot answer a PairScore" in str(failure)
