"""What language-model rerankers add to the postprocessor: an instruction per query, and reasoning as data."""

import asyncio
import copy
import json
import pickle

import pytest
from llama_index.core import MockEmbedding, VectorStoreIndex, get_response_synthesizer
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from llamaindex_rerankers import REASONING, InstructedQuery, Reranker
from swaprank import InputError, Ranking
from swaprank.prompt import plain
from swaprank.requests import Generate, Generated
from swaprank.testing import ScriptedBackend
from tests.llamaindex.helpers import both, rerank

TEXTS = ("Coffee is brewed from beans.", "Green tea is not roasted.")
QUESTION = "Which tea is green?"
INSTRUCTION = "Prefer passages about tea."
# Long, as reasoning is, and with what would close a prompt's parts.
THINKING = "The user asks about tea, and beans are no leaves. " * 20 + "</think>"


def reasoned(request: Generate) -> Generated:
    digits = "9" if TEXTS[1] in plain(request.prompt.messages[-1].content) else "2"
    return Generated(f"<think>{THINKING}<answer>{digits}</answer>")


def erank(backend: ScriptedBackend | None = None, **options) -> Reranker:
    return Reranker(method="erank", model="any", backend=backend or ScriptedBackend(reasoned), **options)


def found() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=0.5) for text in TEXTS]


def index() -> VectorStoreIndex:
    return VectorStoreIndex([one.node for one in found()], embed_model=MockEmbedding(embed_dim=4))


def prompts(backend: ScriptedBackend) -> list[str]:
    return [plain(request.prompt.messages[-1].content) for request in backend.requests]


@pytest.mark.parametrize("how", ["query", "aquery", "retrieve"])
def test_an_instruction_goes_through_retrievers_and_query_engines(how) -> None:
    backend = ScriptedBackend(reasoned)
    engine = index().as_query_engine(
        llm=MockLLM(), similarity_top_k=2, node_postprocessors=[erank(backend, instruction="As configured.")]
    )
    query = InstructedQuery(QUESTION, instruction=INSTRUCTION)
    asyncio.run(engine.aquery(query)) if how == "aquery" else getattr(engine, how)(query)
    assert len(backend.requests) == 2
    assert all(INSTRUCTION in prompt and "As configured." not in prompt for prompt in prompts(backend))


@both
def test_without_one_the_configs_stands(how) -> None:
    backend = ScriptedBackend(reasoned)
    for query in (QueryBundle(QUESTION), InstructedQuery(QUESTION), InstructedQuery(QUESTION, instruction="")):
        reranker = erank(backend, instruction="As configured.")
        if how == "sync":
            reranker.postprocess_nodes(found(), query)
        else:
            asyncio.run(reranker.apostprocess_nodes(found(), query))
    assert len(backend.requests) == 6
    assert all("As configured." in prompt for prompt in prompts(backend))


def test_a_reranker_that_takes_none_refuses_it() -> None:
    with pytest.raises(InputError, match="'bm25' takes no instruction"):
        Reranker("bm25").postprocess_nodes(found(), InstructedQuery(QUESTION, instruction=INSTRUCTION))


def test_an_instructed_query_is_a_query_bundle() -> None:
    query = InstructedQuery(QUESTION, embedding=[1.0], instruction=INSTRUCTION)
    assert (str(query), query.embedding_strs) == (QUESTION, [QUESTION])
    for twin in (InstructedQuery.from_json(query.to_json()), pickle.loads(pickle.dumps(query)), copy.deepcopy(query)):
        assert twin == query
    assert "instruction" in json.loads(query.to_json())


@both
def test_reasoning_stays_out_of_the_metadata_unless_it_is_asked_for(how) -> None:
    seen: list[Ranking] = []
    for one in rerank(erank(on_ranking=seen.append), found(), how, QUESTION):
        assert REASONING not in one.node.metadata
        assert THINKING not in one.node.model_dump_json()
    assert THINKING in seen[0].passages[0].reasoning


@both
def test_reasoning_is_kept_for_readers_and_hidden_from_models(how) -> None:
    given = found()
    ranked = rerank(erank(include_reasoning=True), given, how, QUESTION)
    assert [one.node.get_content() for one in ranked] == [TEXTS[1], TEXTS[0]]
    assert [one.node.metadata[REASONING] for one in ranked] == [
        f"<think>{THINKING}<answer>{digit}</answer>" for digit in "92"
    ]
    assert all(REASONING not in one.node.metadata for one in given)
    for one in ranked:
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert one.node.get_content(metadata_mode=mode) == one.node.get_content()


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize", "simple_summarize", "accumulate"])
def test_reasoning_does_not_reach_the_llm_that_answers(mode) -> None:
    """The mock model answers with its prompt."""
    engine = RetrieverQueryEngine(
        index().as_retriever(similarity_top_k=2),
        get_response_synthesizer(llm=MockLLM(), response_mode=mode),
        node_postprocessors=[erank(include_reasoning=True)],
    )
    response = engine.query(QUESTION)
    assert all(THINKING in one.node.metadata[REASONING] for one in response.source_nodes)
    assert TEXTS[1] in str(response)
    assert "beans are no leaves" not in str(response)
    assert REASONING not in str(response)


def test_reasoning_does_not_reach_a_reranker_behind_ours() -> None:
    read: list[str] = []

    class Reader(MockLLM):
        def _generate_text(self, length: int) -> str:
            return ""

        def complete(self, prompt, formatted=False, **kwargs):
            read.append(prompt)
            return super().complete("Doc: 1, Relevance: 9", formatted=formatted, **kwargs)

    theirs = LLMRerank(llm=Reader(), top_n=1)
    ours = rerank(erank(include_reasoning=True), found(), query=QUESTION)
    [kept] = theirs.postprocess_nodes(ours, query_str=QUESTION)
    assert kept.node.get_content() == TEXTS[1]
    assert TEXTS[0] in read[0]
    assert "beans are no leaves" not in read[0]


def test_the_reasoning_of_an_earlier_reranker_is_not_this_ones() -> None:
    once = rerank(erank(include_reasoning=True), found(), query=QUESTION)
    assert all(REASONING not in one.node.metadata for one in rerank(Reranker("bm25"), once, query=QUESTION))


def test_the_option_is_kept_in_dumps_and_copies() -> None:
    reranker = Reranker("bm25", include_reasoning=True)
    for twin in (
        Reranker.from_dict(reranker.to_dict()),
        pickle.loads(pickle.dumps(reranker)),
        copy.deepcopy(reranker),
    ):
        assert twin.include_reasoning
    assert not Reranker("bm25").include_reasoning
