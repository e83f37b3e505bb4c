"""QuestionDecomposition as a node postprocessor."""

import asyncio
import pickle

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llamaindex_rerankers import RETRIEVAL_SCORE, SUB_QUESTIONS, QuestionDecomposition
from swaprank import ConfigError
from swaprank import Reranker as CoreReranker
from swaprank.errors import BackendError
from tests.decomposing import CONFIG, FOUND, GIVEN, PARTS, QUESTION, STORE, broken_llm, llm
from tests.llamaindex.helpers import both, rerank


class Retriever(BaseRetriever):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.waiting = self.most = 0

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        self.asked.append(query_bundle.query_str)
        return [
            NodeWithScore(node=TextNode(text=STORE[id_], id_=id_), score=9.0 - place)
            for place, id_ in enumerate(FOUND[query_bundle.query_str])
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        return self._retrieve(query_bundle)


def given() -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=id_, metadata={"page": 1}), score=0.5) for id_, text in GIVEN.items()
    ]


def ids(nodes) -> list[str]:
    return [node.node.node_id for node in nodes]


@both
def test_retrieved_for_the_question_and_its_parts(how) -> None:
    retriever, rankings = Retriever(), []
    ours = QuestionDecomposition(CONFIG, backend=llm(), retriever=retriever, on_ranking=rankings.append)
    before = given()
    ranked = rerank(ours, before, how, QUESTION)
    assert sorted(retriever.asked) == sorted([QUESTION, *PARTS])
    assert sorted(ids(ranked)) == ["distractor", "harbour", "hop1", "hop2"]
    assert {"hop1", "hop2"} <= set(ids(ranked[:3]))
    by_id = {node.node.node_id: node.node.metadata for node in ranked}
    assert by_id["hop1"][SUB_QUESTIONS] == PARTS and by_id["hop2"][SUB_QUESTIONS] == PARTS[1:]
    assert SUB_QUESTIONS not in by_id["harbour"] and by_id["distractor"][SUB_QUESTIONS] == PARTS[:1]
    assert (by_id["distractor"][RETRIEVAL_SCORE], by_id["distractor"]["page"]) == (0.5, 1)
    assert by_id["hop1"][RETRIEVAL_SCORE] == 8.0 and RETRIEVAL_SCORE not in by_id["hop2"]
    assert before == given()
    assert [call.method for call in rankings[0].calls].count("question-decomposition") == 1
    if how == "async":
        assert retriever.most == 3


@both
def test_without_a_retriever_the_given_nodes_are_the_pool(how) -> None:
    nodes = [NodeWithScore(node=TextNode(text=text, id_=id_)) for id_, text in STORE.items()]
    ranked = rerank(QuestionDecomposition(CONFIG, top_n=3, backend=llm()), nodes, how, QUESTION)
    assert {"hop1", "hop2"} <= set(ids(ranked))


@both
def test_a_question_of_one_hop_retrieves_nothing_and_changes_nothing(how) -> None:
    retriever, backend = Retriever(), llm("NONE")
    twice = [*given(), *given()]
    ours = rerank(QuestionDecomposition(CONFIG, backend=backend, retriever=retriever), twice, how, QUESTION)
    assert retriever.asked == [] and len(backend.requests) == 1
    plain = CoreReranker("bm25").rerank(QUESTION, [node.node.text for node in twice])
    assert ids(ours) == [twice[index].node.node_id for index in plain.order]


@both
def test_a_failing_llm_follows_the_policy(how) -> None:
    with pytest.raises(BackendError):
        rerank(QuestionDecomposition(CONFIG, backend=broken_llm(), retriever=Retriever()), given(), how, QUESTION)
    ours = QuestionDecomposition(CONFIG, backend=broken_llm(), retriever=Retriever(), on_error="keep_order")
    assert ids(rerank(ours, given(), how, QUESTION)) == list(GIVEN)


def test_no_nodes_no_call() -> None:
    backend = llm()
    assert rerank(QuestionDecomposition(CONFIG, backend=backend, retriever=Retriever()), [], query=QUESTION) == []
    assert backend.requests == []


def test_config_and_copies() -> None:
    ours = QuestionDecomposition(CONFIG, backend=llm())
    assert ours.to_config() == {**CONFIG, "decomposition": "original", "backend": {"type": "scripted"}}
    with pytest.raises(ConfigError, match="takes a config with the key 'decomposition'"):
        QuestionDecomposition("bm25")
    with pytest.raises(ConfigError):
        QuestionDecomposition(CONFIG, backend=llm(), retriver=Retriever())


class Silent:
    """A picklable LLM."""

    name, model, capabilities = "silent", "", llm().capabilities

    def run(self, requests):
        return llm("NONE").run(requests)

    async def arun(self, requests):
        return self.run(requests)


def test_pickling_keeps_the_retriever() -> None:
    twin = pickle.loads(pickle.dumps(QuestionDecomposition(CONFIG, backend=Silent(), retriever=Retriever())))
    assert isinstance(twin.retriever, Retriever)
    assert ids(rerank(twin, given(), query=QUESTION)) == list(GIVEN)
