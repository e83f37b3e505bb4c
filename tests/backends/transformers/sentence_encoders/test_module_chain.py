"""Cross-encoders saved as a chain of modules score as sentence-transformers does."""

import pytest

from swaprank import ConfigError
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import PairScore
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers", minversion="5.4")

PAIRS = [("green tea", "how it is made"), ("green tea", "ships " * 30), ("coffee", "")]
OPTIONS = TransformersOptions(device="cpu", dtype="float32", batch_tokens=80)


@pytest.fixture(scope="module", params=["tiny-qwen3-lm", "tiny-llama3-lm"])
def saved(request, tmp_path_factory):
    """A folder as sentence-transformers writes it, and what it scores itself."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    folder = str(tmp_path_factory.mktemp("chain"))
    transformer = Transformer(
        str(MODELS / request.param), transformer_task="text-generation", model_kwargs={"dtype": "float32"}
    )
    CrossEncoder(modules=[transformer, LogitScore(20, 30)], device="cpu").save(folder)
    official = CrossEncoder(folder, device="cpu", model_kwargs={"dtype": "float32"})
    return folder, official.predict(PAIRS).tolist()


def test_it_scores_as_sentence_transformers_does(saved) -> None:
    folder, official = saved
    answers = TransformersBackend(folder, OPTIONS).run([PairScore(*pair) for pair in PAIRS])
    assert [answer.activated for answer in answers] == pytest.approx(official, abs=1e-5)
    assert [answer.activation for answer in answers] == ["sigmoid"] * 3
    assert answers[1].usage.input_tokens > answers[0].usage.input_tokens > 0


def test_a_language_model_without_a_score_is_refused_and_the_hint_stands_once() -> None:
    with pytest.raises(ConfigError, match=r"no trained weights for score\.weight") as caught:
        TransformersBackend(str(MODELS / "tiny-qwen3-lm"), OPTIONS).run([PairScore(*PAIRS[0])])
    assert str(caught.value).count("Is it the kind of model") == 1


def test_a_cut_that_a_chain_cannot_make_is_refused(saved) -> None:
    with pytest.raises(ConfigError, match=r"truncation 'passage' cannot be applied"):
        TransformersBackend(saved[0], OPTIONS).run([PairScore("q", "p", 64, "passage", 32)])
