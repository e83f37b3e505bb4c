"""The embedded backend: what it answers, alone and mixed, in which order, and what it refuses."""

import gc
import pickle
import random
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from swaprank import BackendError, BM25Index, ConfigError, Reranker
from swaprank.backends.embedded import static
from swaprank.backends.embedded.backend import EmbeddedBackend
from swaprank.backends.embedded.options import EmbeddedOptions
from swaprank.requests import Embed, EmbedTokens, Lexical, LexicalBlend, PairScore
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
        assert isinstance(response, request.response)


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


def test_long_texts_are_cut_before_they_are_read_and_the_usage_says_so() -> None:
    backend = EmbeddedBackend(options=EmbeddedOptions(max_characters=9))
    long, short = "green tea and much more", "green tea"
    for asked in (
        (Embed(long, "passage"), Embed(short, "passage")),
        (EmbedTokens(long, "query"), EmbedTokens(short, "query")),
    ):
        cut, whole = backend.run(asked)
        assert (cut.usage.cut, whole.usage.cut) == (1, 0)
        assert cut.usage.input_tokens == whole.usage.input_tokens
        assert cut.coverage == whole.coverage
    for kind in (Lexical, partial(LexicalBlend, pairs=0.5, grams=0.5)):
        cut, whole = backend.run([kind(long, (long, short, "tea")), kind(short, (short, short, "tea"))])
        assert cut.scores == whole.scores
        assert (cut.usage.cut, whole.usage.cut) == (2, 0)


def test_the_cut_is_in_the_calls_of_a_ranking_and_can_be_switched_off() -> None:
    passages = ["coffee", "word " * 30_000 + "tea"]
    ranking = Reranker("lexical").rerank("tea", passages)
    assert [call.cut for call in ranking.calls] == [1] and ranking.scores[0] == ranking.scores[1]
    whole = Reranker("lexical", backend={"type": "embedded", "max_characters": None}).rerank("tea", passages)
    assert [call.cut for call in whole.calls] == [0] and whole.order == [1, 0]
    assert Reranker("bm25").rerank("tea", passages).calls[0].cut == 1
    with pytest.raises(ConfigError, match="max_characters"):
        Reranker("bm25", backend={"type": "embedded", "max_characters": 0})


def test_texts_of_a_collection_are_not_cut(tmp_path) -> None:
    long, other = "word " * 20 + "tea", "word " * 20 + "milk"
    for collection in ((long, "coffee", other), str(tmp_path)):
        BM25Index.build([long, "coffee", other], tmp_path)
        for limit, cut in ((50, 1), (None, 0)):
            backend = EmbeddedBackend(options=EmbeddedOptions(max_characters=limit))
            [found] = backend.run([Lexical("tea", (long, other + " tea", "coffee"), collection=collection)])
            assert found.scores[0] > 0 == found.scores[2] and found.usage.cut == cut
            assert (found.scores[1] > 0) is (limit is None)


def test_a_huge_passage_takes_the_memory_of_a_cut_one() -> None:
    pytest.importorskip("resource")
    program = (
        "import resource; from swaprank import Reranker; r = Reranker('embedded'); r.rerank('tea', ['tea', 'milk']); "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = peak(); "
        "calls = r.rerank('tea', ['tea', 'some words ' * 200_000]).calls; "
        "print(peak() - before, sum(call.cut for call in calls))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    grown, cut = map(int, ran.stdout.split())
    kilobytes = grown / 1024 if sys.platform == "darwin" else grown
    assert cut == 2 and kilobytes < 300_000, "without the cut it is 2 GB"


def test_no_candidates_and_nothing_to_match_are_no_matches() -> None:
    none, nothing, empty = EmbeddedBackend().run(
        [LexicalBlend(query, texts, 0.5, 0.5) for query, texts in (("tea", ()), ("", ("a b",)), ("tea", ("", "")))]
    )
    assert (none.scores, nothing.scores, empty.scores) == ((), (0.0,), (0.0, 0.0))
    assert none.evidence == {"terms": (), "pairs": ()}


def test_candidates_of_any_number_are_counted_as_one_list(monkeypatch) -> None:
    words = random.Random(5).choices(["green", "tea", "leaves", "are", "roasted", "and", "then", "steamed"], k=400)
    texts = tuple(" ".join(words[start : start + 13]) for start in range(0, 400, 10))
    request = LexicalBlend("green tea leaves and green tea", texts, 0.5, 0.5)
    [whole] = EmbeddedBackend().run([request])
    monkeypatch.setattr("swaprank.backends.embedded.pieces._BATCH", 200)
    assert EmbeddedBackend().run([request]) == [whole]


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
    [answer] = EmbeddedBackend("./no-such-folder").run(REQUESTS[:1])
    assert isinstance(answer, BackendError)
    assert "no static embeddings in './no-such-folder'" in str(answer)
    with pytest.raises(BackendError, match="cannot answer a PairScore"):
        EmbeddedBackend().run([PairScore("a", "b")])
