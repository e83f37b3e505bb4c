"""The LangChain compressor: documents, scores, config, tracing."""

import asyncio
import copy
import difflib
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from langchain_rerankers import FAILURES, REASONING, RELEVANCE, RELEVANCE_SCORE, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from swaprank import ConfigError, InputError, Ranking
from swaprank import Reranker as CoreReranker
from swaprank.config import registry
from swaprank.errors import BackendError
from swaprank.requests import PairScored, Request, Response
from swaprank.stages.stage import Limits
from swaprank.testing import ScriptedBackend, check_compressor

CONFIG = {"method": "cross-encoder", "model": "scripted"}


def by_length(request: Request) -> Response:
    size = np.float32(len(request.passage))
    return PairScored(logit=size, activation="identity", activated=size)


def broken(request: Request) -> Response:
    raise BackendError("the model is down")


def documents() -> list[Document]:
    return [Document(page_content=text, id=text, metadata={"page": text}) for text in ("a", "ccc", "bb")]


def scripted(answer=by_length, **options) -> Reranker:
    return Reranker({**CONFIG, **options}, backend=ScriptedBackend(answer))


@pytest.mark.parametrize("reranker", [scripted(), Reranker(), Reranker("bm25")], ids=["scripted", "embedded", "bm25"])
def test_the_public_conformance_check_holds(reranker) -> None:
    check_compressor(reranker)


def test_scores_ids_and_metadata() -> None:
    ranked = scripted(top_n=2).compress_documents(documents(), "q")
    assert [one.metadata.pop(RELEVANCE) for one in ranked] == pytest.approx([0.9525741268, 0.8807970780])
    assert [(one.id, one.metadata) for one in ranked] == [
        ("ccc", {"page": "ccc", RELEVANCE_SCORE: 3.0, SCORE_KIND: "logit"}),
        ("bb", {"page": "bb", RELEVANCE_SCORE: 2.0, SCORE_KIND: "logit"}),
    ]
    assert json.loads(ranked[0].model_dump_json())["metadata"][RELEVANCE_SCORE] == 3.0


def test_subclasses_of_document_stay_what_they_are() -> None:
    class Cited(Document):
        source: str

    [ranked] = scripted().compress_documents([Cited(page_content="a", source="s", id="1")], "q")
    assert (type(ranked), ranked.source, ranked.id) == (Cited, "s", "1")


def test_a_stale_relevance_score_never_wins() -> None:
    stale = [Document(page_content="a", metadata={RELEVANCE_SCORE: 99.0, "id": "meta"}), Document(page_content="bb")]
    ranked = scripted().compress_documents(stale, "q")
    assert [one.metadata[RELEVANCE_SCORE] for one in ranked] == [2.0, 1.0]
    assert ranked[1].metadata["id"] == "meta"
    assert stale[0].metadata[RELEVANCE_SCORE] == 99.0


def test_reranking_twice_gives_the_same_scores() -> None:
    scored = [
        Document(page_content=text, metadata={"score": rank}) for rank, text in enumerate(["tea", "green tea", "x"])
    ]
    once = Reranker().compress_documents(scored, "green tea")
    twice = Reranker().compress_documents(once, "green tea")
    by_text = {one.page_content: one.metadata[RELEVANCE_SCORE] for one in once}
    assert {one.page_content: one.metadata[RELEVANCE_SCORE] for one in twice} == pytest.approx(by_text)


def test_the_first_stage_score_is_read_and_kept() -> None:
    scored = [
        Document(page_content=text, metadata={"s": score})
        for text, score in (("a", np.float64(1)), ("b", 2), ("c", "x"))
    ]
    fused = Reranker({"fusion": "z-score", "of": ["retrieval"]}, score_key="s")
    ranked = fused.compress_documents(scored, "q")
    assert [one.page_content for one in ranked] == ["b", "a", "c"]
    assert [one.metadata.get(RETRIEVAL_SCORE) for one in ranked] == [2.0, 1.0, None]


def test_a_title_is_read_before_the_text() -> None:
    backend = ScriptedBackend(by_length)
    titled = [Document(page_content="text", metadata={"heading": "Title"}), Document(page_content="text")]
    Reranker(CONFIG, backend=backend, title_key="heading").compress_documents(titled, "q")
    assert [request.passage for request in backend.requests] == ["Title text", "text"]


def test_an_empty_list_calls_nothing() -> None:
    reranker = scripted(broken)
    assert reranker.compress_documents([], "q") == []
    assert asyncio.run(reranker.acompress_documents([], "q")) == []


def test_a_cascade_loses_and_doubles_nothing() -> None:
    check_compressor(Reranker({"stages": [{"reranker": "bm25"}, {"reranker": "lexical"}]}))


def test_errors_and_the_failure_policy_are_visible() -> None:
    with pytest.raises(BackendError, match="down"):
        scripted(broken).compress_documents(documents(), "q")
    ranked = scripted(broken, on_error="keep_order").compress_documents(documents(), "q")
    assert [one.id for one in ranked] == ["a", "ccc", "bb"]
    assert all("the model is down (keep_order)" in one.metadata[FAILURES][0] for one in ranked)
    healed = scripted().compress_documents(ranked, "q")
    assert all(FAILURES not in one.metadata for one in healed)
    with pytest.raises(InputError, match="query"):
        scripted().compress_documents(documents(), " ")


def test_stale_reasoning_is_not_passed_on() -> None:
    [ranked] = scripted().compress_documents([Document(page_content="a", metadata={REASONING: "old"})], "q")
    assert REASONING not in ranked.metadata


@pytest.mark.parametrize(("key", "right"), [("top_k", "top_n"), ("score_ky", "score_key"), ("titel_key", "title_key")])
def test_unknown_keys_are_refused_with_the_nearest(key, right) -> None:
    with pytest.raises(ConfigError, match=f"Did you mean '{right}'"):
        Reranker("bm25", **{key: 3})


def test_no_key_of_the_core_is_taken_for_a_misspelt_one_of_ours() -> None:
    keys = {key for name in registry.names("method") for key in registry.method(name).model_fields} | {"on_error"}
    for key in keys | set(Limits.model_fields):
        assert not difflib.get_close_matches(key, Reranker.model_fields, cutoff=0.8)


def test_what_was_fixed_at_construction_cannot_be_set_without_effect() -> None:
    reranker = scripted()
    for name, value in (("config", {"reranker": "lexical"}), ("top_n", 1)):
        with pytest.raises(ValueError, match=name):
            setattr(reranker, name, value)
    reranker.title_key = "page"
    reranker.score_key = "s"
    ranked = reranker.compress_documents([Document(page_content="a", metadata={"page": "xy", "s": 1})], "q")
    assert ranked[0].metadata[RELEVANCE_SCORE] == len("xy a")
    assert ranked[0].metadata[RETRIEVAL_SCORE] == 1.0


def test_the_json_schema_tells_the_fields() -> None:
    assert Reranker.model_json_schema()["properties"].keys() == {
        "config",
        "score_key",
        "title_key",
        "embedding_key",
        "image_key",
        "page_content_is_image",
        "include_reasoning",
    }


def test_no_argument_is_dropped_silently() -> None:
    with pytest.raises(ConfigError, match="top_n was given"):
        Reranker(CoreReranker("bm25"), top_n=3)
    with pytest.raises(ConfigError, match="Give one of them"):
        Reranker("bm25", config={"method": "lexical"})


def test_config_round_trips_without_secrets(tmp_path) -> None:
    config = {"method": "cross-encoder", "model": "m", "top_n": 3}
    (tmp_path / "r.yaml").write_text(json.dumps(config))
    for reranker in (Reranker(config), Reranker.from_config(tmp_path / "r.yaml"), Reranker(CoreReranker(config))):
        assert reranker.to_config() == config
        assert reranker.model_dump()["config"] == config
        assert Reranker(**reranker.model_dump()).to_config() == config
        for twin in (pickle.loads(pickle.dumps(reranker)), copy.deepcopy(reranker)):
            assert twin.to_config() == config
    secret = Reranker({**config, "backend": {"type": "transformers", "token": "hf_secret"}})
    assert "hf_secret" not in repr(secret) + secret.model_dump_json()


def test_the_whole_ranking_can_be_seen() -> None:
    seen: list[Ranking] = []
    reranker = Reranker(CONFIG, backend=ScriptedBackend(by_length), on_ranking=seen.append)
    reranker.compress_documents(documents(), "q")
    asyncio.run(reranker.acompress_documents(documents(), "q"))
    assert [ranking.order for ranking in seen] == [[1, 2, 0], [1, 2, 0]]
    assert seen[0].calls[0].requests == 3


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []

    def on_chain_start(self, serialized, inputs, *, name=None, **kwargs) -> None:
        self.events.append(("start", name))

    def on_chain_end(self, outputs, **kwargs) -> None:
        self.events.append(("end", [one.id for one in outputs]))

    def on_chain_error(self, error, **kwargs) -> None:
        self.events.append(("error", str(error)))


def test_the_work_is_a_named_child_run() -> None:
    expected = [("start", "rerank: cross-encoder"), ("end", ["ccc", "bb", "a"])]
    recorder = Recorder()
    scripted().compress_documents(documents(), "q", callbacks=[recorder])
    assert recorder.events == expected
    recorder = Recorder()
    asyncio.run(scripted().acompress_documents(documents(), "q", callbacks=[recorder]))
    assert recorder.events == expected
    recorder = Recorder()
    with pytest.raises(BackendError):
        scripted(broken).compress_documents(documents(), "q", callbacks=[recorder])
    assert recorder.events == [("start", "rerank: cross-encoder"), ("error", "the model is down")]


def test_a_surrounding_run_is_the_parent() -> None:
    recorder = Recorder()
    chain = RunnableLambda(lambda query: scripted().compress_documents(documents(), query), name="outer")
    chain.invoke("q", {"callbacks": [recorder]})
    assert ("start", "rerank: cross-encoder") in recorder.events


def test_as_runnable_in_a_chain() -> None:
    prepare = RunnableLambda(lambda query: {"query": query, "documents": documents()})
    chain = prepare | scripted(top_n=1).as_runnable() | RunnableLambda(lambda ranked: ranked[0].id)
    assert chain.invoke("q") == "ccc"
    assert chain.batch(["q", "r"]) == ["ccc", "ccc"]
    assert asyncio.run(chain.ainvoke("q")) == "ccc"


def test_as_cross_encoder_keeps_the_order_of_mixed_pairs() -> None:
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker

    encoder = scripted().as_cross_encoder()
    assert encoder.score([("q", "a"), ("r", "bb"), ("q", "ccc")]) == [1.0, 2.0, 3.0]
    assert encoder.score([]) == []
    theirs = CrossEncoderReranker(model=encoder, top_n=1)
    assert [one.id for one in theirs.compress_documents(documents(), "q")] == ["ccc"]


def test_importing_the_adapter_loads_nothing_heavy() -> None:
    heavy = "torch transformers sentence_transformers vllm bm25s wordllama Stemmer tokenizers ir_measures typer"
    code = f"import sys, langchain_rerankers; print([m for m in {heavy.split()!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
