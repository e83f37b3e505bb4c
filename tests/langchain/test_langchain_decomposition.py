"""QuestionDecomposition as a document compressor."""

import asyncio
import copy

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from langchain_rerankers import RETRIEVAL_SCORE, SUB_QUESTIONS, QuestionDecomposition
from swaprank import ConfigError, InputError
from swaprank import Reranker as CoreReranker
from swaprank.errors import BackendError
from swaprank.testing import check_compressor
from tests.decomposing import CONFIG, FOUND, GIVEN, PARTS, QUESTION, STORE, broken_llm, llm

both = pytest.mark.parametrize("how", ["sync", "async"])


class Retriever(BaseRetriever):
    asked: list[str] = Field(default_factory=list)
    runs: list[object] = Field(default_factory=list)
    with_ids: bool = True

    def _get_relevant_documents(self, query: str, *, run_manager) -> list[Document]:
        self.asked.append(query)
        self.runs.append(run_manager.parent_run_id)
        return [
            Document(page_content=STORE[id_], id=id_ if self.with_ids else None, metadata={"score": 9.0 - place})
            for place, id_ in enumerate(FOUND[query])
        ]


def given(with_ids=True) -> list[Document]:
    return [
        Document(page_content=text, id=id_ if with_ids else None, metadata={"score": 0.5})
        for id_, text in GIVEN.items()
    ]


def compress(compressor, documents, how) -> list[Document]:
    if how == "sync":
        return compressor.compress_documents(documents, QUESTION)
    return asyncio.run(compressor.acompress_documents(documents, QUESTION))


def ids(documents) -> list[str]:
    names = {text: id_ for id_, text in {**STORE, **GIVEN}.items()}
    return [names[document.page_content] for document in documents]


def test_the_public_conformance_check_holds() -> None:
    check_compressor(QuestionDecomposition(CONFIG, backend=llm()))
    check_compressor(QuestionDecomposition(CONFIG, backend=llm("NONE"), retriever=Retriever()))


@both
@pytest.mark.parametrize("with_ids", [True, False])
def test_retrieved_for_the_question_and_its_parts(how, with_ids) -> None:
    retriever, rankings = Retriever(with_ids=with_ids), []
    ours = QuestionDecomposition(CONFIG, backend=llm(), retriever=retriever, on_ranking=rankings.append)
    before = given(with_ids)
    kept = copy.deepcopy(before)
    ranked = compress(ours, before, how)
    assert sorted(retriever.asked) == sorted([QUESTION, *PARTS])
    assert None not in retriever.runs, "the retriever's run is no child of the reranker's"
    assert sorted(ids(ranked)) == ["distractor", "harbour", "hop1", "hop2"]
    assert {"hop1", "hop2"} <= set(ids(ranked[:3]))
    by_id = {id_: document.metadata for id_, document in zip(ids(ranked), ranked, strict=True)}
    assert by_id["hop1"][SUB_QUESTIONS] == PARTS and by_id["hop2"][SUB_QUESTIONS] == PARTS[1:]
    assert SUB_QUESTIONS not in by_id["harbour"]
    assert by_id["hop1"][RETRIEVAL_SCORE] == 8.0 and RETRIEVAL_SCORE not in by_id["hop2"]
    assert before == kept
    assert [call.method for call in rankings[0].calls].count("question-decomposition") == 1


@both
def test_without_a_retriever_the_given_documents_are_the_pool(how) -> None:
    documents = [Document(page_content=text, id=id_) for id_, text in STORE.items()]
    ranked = compress(QuestionDecomposition(CONFIG, top_n=3, backend=llm()), documents, how)
    assert {"hop1", "hop2"} <= set(ids(ranked))


@both
def test_a_question_of_one_hop_retrieves_nothing_and_changes_nothing(how) -> None:
    retriever, backend = Retriever(), llm("NONE")
    twice = [*given(), *given()]
    ours = compress(QuestionDecomposition(CONFIG, backend=backend, retriever=retriever), twice, how)
    assert retriever.asked == [] and len(backend.requests) == 1
    plain = CoreReranker("bm25").rerank(QUESTION, [document.page_content for document in twice])
    assert ids(ours) == ids(twice[index] for index in plain.order)


@both
def test_a_failing_llm_follows_the_policy(how) -> None:
    with pytest.raises(BackendError):
        compress(QuestionDecomposition(CONFIG, backend=broken_llm(), retriever=Retriever()), given(), how)
    ours = QuestionDecomposition(CONFIG, backend=broken_llm(), retriever=Retriever(), on_error="keep_order")
    assert ids(compress(ours, given(), how)) == list(GIVEN)


def test_config() -> None:
    ours = QuestionDecomposition(CONFIG, backend=llm())
    assert ours.to_config() == {**CONFIG, "decomposition": "original", "backend": {"type": "scripted"}}
    with pytest.raises(ConfigError, match="takes a config with the key 'decomposition'"):
        QuestionDecomposition("bm25")


@both
def test_an_instruction_is_not_ignored(how) -> None:
    ours = QuestionDecomposition({**CONFIG, "search": "bm25"}, backend=llm(), retriever=Retriever())
    with pytest.raises(InputError, match="takes no instruction"):
        if how == "sync":
            ours.compress_documents(given(), QUESTION, instruction="Prefer audits.")
        else:
            asyncio.run(ours.acompress_documents(given(), QUESTION, instruction="Prefer audits."))
