"""A network whose files do not say how it pools is pooled as the config says, and the vectors are those of transformers."""

from __future__ import annotations

import pytest

from swaprank import ConfigError, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Embed
from tests.conftest import MODELS

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
sentence_transformers = pytest.importorskip("sentence_transformers")

TEXTS = ["green tea", "the harbour project costs more than it did", "tea"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> str:
    """A BERT and its tokenizer, and nothing of sentence-transformers."""
    folder = tmp_path_factory.mktemp("bare")
    transformers.AutoModel.from_pretrained(MODELS / "tiny-bert-cross-encoder").save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(MODELS / "tiny-bert-cross-encoder").save_pretrained(folder)
    return str(folder)


def pooled(folder: str, pooling: str) -> list[list[float]]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    found = []
    for text in TEXTS:
        with torch.no_grad():
            states = network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        found.append({"cls": states[0], "lasttoken": states[-1], "mean": states.mean(0)}[pooling].tolist())
    return found


@pytest.mark.parametrize("pooling", ["cls", "mean", "lasttoken"])
def test_pooling(bare, pooling) -> None:
    backend = TransformersBackend(bare, TransformersOptions(pooling=pooling, dtype="float32", device="cpu"))
    for response, expected in zip(
        backend.run([Embed(text, "passage") for text in TEXTS]), pooled(bare, pooling), strict=True
    ):
        assert list(response.vector) == pytest.approx(expected, abs=1e-5)


def test_the_mean_is_the_default(bare) -> None:
    backend = TransformersBackend(bare, TransformersOptions(dtype="float32", device="cpu"))
    [response] = backend.run([Embed(TEXTS[1], "passage")])
    assert list(response.vector) == pytest.approx(pooled(bare, "mean")[1], abs=1e-5)


def test_a_pooling_that_the_files_say_is_not_overruled(bare, tmp_path) -> None:
    sentence_transformers.SentenceTransformer(bare, device="cpu").save(str(tmp_path))
    reranker = Reranker(
        {"method": "bi-encoder", "model": str(tmp_path), "backend": {"pooling": "cls", "dtype": "float32"}}
    )
    with pytest.raises(ConfigError, match="say how it pools, and pooling is 'cls'"):
        reranker.rerank("q", ["p"])
