"""Tables in model2vec's format give the vectors that model2vec gives, and rerank as static-embedding models."""

import json
import pickle

import numpy as np
import pytest

from swaprank import Reranker
from swaprank.backends.embedded.backend import EmbeddedBackend
from swaprank.backends.embedded.options import EmbeddedOptions
from swaprank.errors import BackendError
from swaprank.requests import Embed, EmbedTokens
from tests.conftest import golden

RECORDED = golden("model2vec")


def folder(path, case, *, key="embeddings", inner="", vocabulary=None):
    """A model as model2vec saves it."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    place = path / inner
    place.mkdir(parents=True, exist_ok=True)
    words = vocabulary or RECORDED["vocabulary"]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(place / "tokenizer.json"))
    table = np.array(RECORDED["table"], dtype=np.float32)
    tensors = {key: table[:9].copy() if case["mapping"] else table}
    if case["weights"]:
        tensors["weights"] = np.array(RECORDED["weights"], dtype=np.float32)
    if case["mapping"]:
        tensors["mapping"] = np.array(RECORDED["mapping"])
    save_file(tensors, str(place / "model.safetensors"))
    (path / "config.json").write_text(json.dumps({"model_type": "model2vec", **case["config"]}), encoding="utf-8")
    return str(path)


PLAIN = RECORDED["cases"][0]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_vectors_are_model2vecs(case, tmp_path) -> None:
    backend = EmbeddedBackend(folder(tmp_path, case))
    answers = backend.run([Embed(text, "passage") for text in RECORDED["texts"]])
    # model2vec cuts by characters first: its limit is ours where all tokens are alike.
    alike = {3, 5, 6} if case["config"]["max_length"] == 5 else range(len(answers))
    for place in alike:
        answer, recorded = answers[place], case["embeddings"][place]
        assert answer.vector == pytest.approx(recorded, abs=RECORDED["tolerance"]["embeddings_abs"])


def test_folders_of_sentence_transformers_are_read(tmp_path) -> None:
    for number, inner in enumerate(("", "0_StaticEmbedding")):
        backend = EmbeddedBackend(folder(tmp_path / str(number), PLAIN, key="embedding.weight", inner=inner))
        [answer] = backend.run([Embed(RECORDED["texts"][0], "query")])
        assert answer.vector == pytest.approx(PLAIN["embeddings"][0], abs=2e-6)


def test_a_folder_is_a_model_of_static_embedding(tmp_path) -> None:
    model = folder(tmp_path, PLAIN)
    passages = ["Black coffee.", "Green tea leafs are steamed.", ""]
    query = np.array(PLAIN["embeddings"][0])
    for options in ({}, {"weighting": "idf", "window": 4}):
        reranker = Reranker(method="static-embedding", model=model, **options)
        ranking = reranker.rerank(RECORDED["texts"][0], passages)
        assert ranking.order[0] == 1
        assert pickle.loads(pickle.dumps(reranker)).rerank(RECORDED["texts"][0], passages).scores == ranking.scores
    coffee = EmbeddedBackend(model).run([Embed(passages[0], "passage")])[0].vector
    expected = float(query @ coffee / np.linalg.norm(query) / np.linalg.norm(coffee))
    plain = Reranker(method="static-embedding", model=model).rerank(RECORDED["texts"][0], passages)
    assert plain.scores[0] == pytest.approx(expected, abs=1e-5)


def test_the_folder_alone_says_what_it_is(tmp_path) -> None:
    model = folder(tmp_path, PLAIN)
    said = Reranker(method="static-embedding", model=model).rerank("green tea", ["black coffee", "tea"])
    assert Reranker(model).rerank("green tea", ["black coffee", "tea"]).scores == said.scores


def test_coverage_tells_what_the_vocabulary_does_not_know(tmp_path) -> None:
    backend = EmbeddedBackend(folder(tmp_path, PLAIN))
    known, foreign, half = backend.run(
        [Embed("green tea", "query"), Embed("зелёный чай", "query"), Embed("green wxyzv", "query")]
    )
    assert (known.coverage, foreign.coverage, half.coverage) == (1.0, 0.0, 0.5)


def test_the_models_own_limit_is_for_one_embedding_and_not_for_tokens(tmp_path) -> None:
    case = next(case for case in RECORDED["cases"] if case["config"].get("max_length") == 5)
    backend = EmbeddedBackend(folder(tmp_path, case))
    embedded, tokens = backend.run([Embed("tea " * 40, "passage"), EmbedTokens("tea " * 40, "passage")])
    assert (embedded.usage.input_tokens, embedded.usage.cut) == (5, 1)
    assert (len(tokens.vectors), tokens.usage.cut) == (40, 0)


def test_what_is_no_such_model_is_told_apart(tmp_path) -> None:
    with pytest.raises(BackendError, match="no static embeddings") as error:
        Reranker(method="static-embedding", model=str(tmp_path)).rerank("q", ["p"])
    assert "bi-encoder" in str(error.value)
    many = folder(tmp_path, PLAIN, vocabulary=[*RECORDED["vocabulary"], "more"])
    with pytest.raises(BackendError, match="26 vectors for the 27 tokens"):
        Reranker(method="static-embedding", model=many).rerank("q", ["p"])


def test_another_folder_has_another_identity(tmp_path) -> None:
    first, second = folder(tmp_path / "a", PLAIN), folder(tmp_path / "b", RECORDED["cases"][1])
    ids = {EmbeddedBackend(one).identity() for one in (first, second)}
    assert len(ids) == 2
    local = EmbeddedBackend(first, EmbeddedOptions(local_files_only=True))
    assert local.identity() in ids
