"""The embedded backend: what it answers, alone and mixed, in which order, and what it refuses."""

import gc
import pickle

import numpy as np
import pytest

from swaprank import BackendError, ConfigError
from swaprank.backends.embedded import static
from swaprank.backends.embedded.backend import EmbeddedBackend
from swaprank.requests import ANSWERS, Embed, EmbedTokens, Lexical, LexicalBlend, PairScore
from swaprank.testing import check_backend
from tests.conftest import golden, inputs

TEXTS = ("Green tea is not roasted.", "", "الشاي الأخضر 🍵", "word " * 400)
REQUESTS = [
    Embed("tea", "query"),
    Lexical("green tea", TEXTS),
    *(EmbedTokens(text, "passage") for text in TEXTS),
    LexicalBlend("green tea", TEXTS, 0.5, 0.5),
    *(Embed(text, "passage") for text in TEXTS),
]


def test_kinds_may_be_mixed_and_answers_do_not_depend_on_the_batch() -> None:
    check_backend(EmbeddedBackend(), REQUESTS)
    for request, response in zip(REQUESTS, EmbeddedBackend().run(REQUESTS), strict=True):
        assert isinstance(response, ANSWERS[type(request)])


RECORDED = [case for case in golden("bi-encoder")["cases"] if case["variant"] == "wordllama"]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["input"])
def test_vectors_are_wordllamas(case) -> None:
    given = inputs()[case["input"]]
    texts = [Embed(given["query"], "query"), *(Embed(each["text"], "passage") for each in given["documents"])]
    query, *passages = EmbeddedBackend().run(texts)
    assert query.vector[:8] == pytest.approx(case["raw"]["query_embedding_first_8_dims"], abs=2e-6)
    assert [int(not np.any(passage.vector)) for passage in passages] == case["raw"]["zero_vectors"]


def test_an_embedding_is_the_mean_of_its_token_embeddings() -> None:
    for text in TEXTS[:3]:
        whole, tokens = EmbeddedBackend().run([Embed(text, "query"), EmbedTokens(text, "query")])
        mean = tokens.vectors.mean(axis=0) if len(tokens.ids) else np.zeros_like(whole.vector)
        assert np.asarray(whole.vector) == pytest.approx(mean, abs=1e-6)
        assert whole.usage == tokens.usage
        assert whole.coverage == tokens.coverage


def test_prompt_and_max_length_are_honoured() -> None:
    short, whole, told, written = EmbeddedBackend().run(
        [
            Embed("green tea leaves", "query", max_length=2),
            Embed("green tea leaves", "query"),
            Embed("tea", "query", prompt="green "),
            Embed("green tea", "query"),
        ]
    )
    assert short.usage.input_tokens == 2 < whole.usage.input_tokens
    assert told.vector == pytest.approx(written.vector)


def test_the_table_is_loaded_once_and_dropped_when_nobody_holds_it(nothing_loaded) -> None:
    backends = [EmbeddedBackend(), EmbeddedBackend()]
    for backend in backends:
        backend.run(REQUESTS[:1])
    assert backends[0]._table is backends[1]._table is nothing_loaded["wordllama"]
    del backend, backends
    gc.collect()
    assert "wordllama" not in nothing_loaded


def test_a_lexical_match_keeps_the_table_too(monkeypatch, nothing_loaded) -> None:
    loads = []

    class Counted(static.StaticEmbeddings):
        def __init__(self) -> None:
            loads.append(1)
            super().__init__()

    monkeypatch.setattr(static, "StaticEmbeddings", Counted)
    backend = EmbeddedBackend()
    for _ in range(3):
        backend.run([LexicalBlend("green tea", TEXTS, 0.5, 0.5)])
    assert len(loads) == 1


def test_pickling_leaves_the_table_behind() -> None:
    backend = EmbeddedBackend()
    [before] = backend.run(REQUESTS[:1])
    packed = pickle.dumps(backend)
    assert len(packed) < 5000
    assert pickle.loads(packed).run(REQUESTS[:1])[0].vector == pytest.approx(before.vector)


def test_what_it_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no model 'bert'.*backend: transformers"):
        EmbeddedBackend("bert")
    with pytest.raises(BackendError, match="cannot answer a PairScore"):
        EmbeddedBackend().run([PairScore("a", "b")])
