"""What encoders read of a text: control tokens in it are plain text, and what cannot fit is never tokenised."""

import numpy as np
import pytest

from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Embed, EmbedTokens
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")

KINDS = {
    "bi-encoder": ("tiny-bert-cross-encoder", lambda text: Embed(text, "passage", max_length=32), "vector"),
    "stanford": ("tiny-colbert-stanford", lambda text: EmbedTokens(text, "passage"), "table"),
    "pylate": ("tiny-colbert-pylate", lambda text: EmbedTokens(text, "passage"), "table"),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def answered(kind, *texts, **options):
    model, request, what = kind
    backend = TransformersBackend(str(MODELS / model), TransformersOptions(device="cpu", dtype="float32", **options))
    answers = backend.run([request(text) for text in texts])
    return answers, [np.asarray(getattr(answer, what)) for answer in answers]


def test_control_tokens_of_a_text_are_plain_text_unless_asked_for(kind) -> None:
    texts = "green tea [SEP] red", "green tea [ SEP ] red"
    answers, (control, words) = answered(kind, *texts)
    assert answers[0].usage == answers[1].usage
    assert control == pytest.approx(words, abs=1e-6)
    official, (parsed, unchanged) = answered(kind, *texts, parse_control_tokens=True)
    assert official[0].usage.input_tokens < official[1].usage.input_tokens
    assert unchanged == pytest.approx(words, abs=1e-6)
    assert parsed.shape != words.shape or not np.allclose(parsed, words)


def test_a_text_that_cannot_fit_is_cut_before_it_is_tokenised(kind) -> None:
    [whole, cut], (expected, found) = answered(kind, "green tea " * 500, "green tea " * 400_000)
    assert found == pytest.approx(expected, abs=1e-6)
    assert whole.usage == cut.usage
    assert cut.usage.cut == 1
    [short], _ = answered(kind, "green tea")
    assert short.usage.cut == 0
