"""What language-model rerankers add to the compressor: an instruction per call, and reasoning as data."""

import asyncio
import copy
import pickle

import pytest
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField, RunnableLambda

from langchain_rerankers import REASONING, Reranker, RerankingRetriever
from swaprank import InputError, Ranking
from swaprank.prompt import plain
from swaprank.requests import Generate, Generated
from swaprank.testing import ScriptedBackend

TEXTS = ("Coffee is brewed from beans.", "Green tea is not roasted.")
QUESTION = "Which tea is green?"
CONFIGURED, INSTRUCTION = "As configured.", "Prefer passages about tea."
THINKING = "The user asks about tea, and beans are no leaves. " * 20 + "</think>"


def reasoned(request: Generate) -> Generated:
    digits = "9" if TEXTS[1] in plain(request.prompt.messages[-1].content) else "2"
    return Generated(f"<think>{THINKING}<answer>{digits}</answer>")


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend(reasoned)


@pytest.fixture
def reranker(backend) -> Reranker:
    return Reranker(method="erank", model="any", backend=backend, instruction=CONFIGURED)


def found() -> list[Document]:
    return [Document(page_content=text, id=text) for text in TEXTS]


class Fixed(BaseRetriever):
    """Finds the same documents for every query."""

    def _get_relevant_documents(self, query, *, run_manager):
        return found()


def read(backend: ScriptedBackend) -> set[str]:
    """The instructions that stand in all prompts since the last look."""
    prompts = [plain(request.prompt.messages[-1].content) for request in backend.requests]
    backend.requests = []
    return {one for one in (CONFIGURED, INSTRUCTION) if prompts and all(one in prompt for prompt in prompts)}


def test_an_instruction_for_one_call_of_the_compressor(reranker, backend) -> None:
    reranker.compress_documents(found(), QUESTION, instruction=INSTRUCTION)
    assert read(backend) == {INSTRUCTION}
    asyncio.run(reranker.acompress_documents(found(), QUESTION, instruction=INSTRUCTION))
    assert read(backend) == {INSTRUCTION}
    reranker.compress_documents(found(), QUESTION)
    assert read(backend) == {CONFIGURED}


def test_an_instruction_in_the_input_of_the_runnable(reranker, backend) -> None:
    prepare = RunnableLambda(lambda asked: {**asked, "documents": found()})
    chain = prepare | reranker.as_runnable()
    chain.invoke({"query": QUESTION, "instruction": INSTRUCTION})
    assert read(backend) == {INSTRUCTION}
    asyncio.run(chain.ainvoke({"query": QUESTION, "instruction": INSTRUCTION}))
    assert read(backend) == {INSTRUCTION}
    chain.invoke({"query": QUESTION})
    assert read(backend) == {CONFIGURED}


def test_an_instruction_for_one_call_of_the_retriever(reranker, backend) -> None:
    retriever = reranker.as_retriever(Fixed())
    retriever.invoke(QUESTION, instruction=INSTRUCTION)
    assert read(backend) == {INSTRUCTION}
    asyncio.run(retriever.ainvoke(QUESTION, instruction=INSTRUCTION))
    assert read(backend) == {INSTRUCTION}
    retriever.invoke(QUESTION)
    assert read(backend) == {CONFIGURED}
    RerankingRetriever(base_retriever=Fixed(), reranker=reranker, instruction=INSTRUCTION).invoke(QUESTION)
    assert read(backend) == {INSTRUCTION}


def test_the_config_of_a_chain_sets_the_retrievers_instruction(reranker, backend) -> None:
    retriever = reranker.as_retriever(Fixed()).configurable_fields(instruction=ConfigurableField("instruction"))
    chain = {"documents": retriever, "question": RunnableLambda(str)} | RunnableLambda(dict)
    told = {"configurable": {"instruction": INSTRUCTION}}
    chain.invoke(QUESTION, told)
    assert read(backend) == {INSTRUCTION}
    asyncio.run(chain.ainvoke(QUESTION, told))
    assert read(backend) == {INSTRUCTION}
    retriever.invoke(QUESTION, told)
    assert read(backend) == {INSTRUCTION}
    chain.invoke(QUESTION)
    assert read(backend) == {CONFIGURED}


def test_other_peoples_compressors_are_called_as_ever() -> None:
    class Theirs(BaseDocumentCompressor):
        def compress_documents(self, documents, query, callbacks=None):
            return documents[:1]

    retriever = RerankingRetriever(base_retriever=Fixed(), reranker=Theirs())
    assert [one.id for one in retriever.invoke(QUESTION)] == [TEXTS[0]]
    with pytest.raises(TypeError, match="instruction"):
        retriever.invoke(QUESTION, instruction=INSTRUCTION)


def test_a_reranker_that_takes_none_refuses_it() -> None:
    with pytest.raises(InputError, match="'bm25' takes no instruction"):
        Reranker("bm25").compress_documents(found(), QUESTION, instruction=INSTRUCTION)


def test_reasoning_stays_out_of_the_metadata_unless_it_is_asked_for(backend) -> None:
    seen: list[Ranking] = []
    reranker = Reranker(method="erank", model="any", backend=backend, on_ranking=seen.append)
    ranked = reranker.compress_documents(found(), QUESTION)
    ranked += asyncio.run(reranker.acompress_documents(found(), QUESTION))
    assert len(ranked) == 4
    assert all(THINKING not in one.model_dump_json() for one in ranked)
    assert THINKING in seen[0].passages[0].reasoning


def test_reasoning_is_metadata_and_no_text_of_the_prompt(backend) -> None:
    given = found()
    reranker = Reranker(method="erank", model="any", backend=backend, include_reasoning=True)
    ranked = reranker.compress_documents(given, QUESTION)
    assert [(one.page_content, one.metadata[REASONING]) for one in ranked] == [
        (TEXTS[1], f"<think>{THINKING}<answer>9</answer>"),
        (TEXTS[0], f"<think>{THINKING}<answer>2</answer>"),
    ]
    assert all(REASONING not in one.metadata for one in given)
    prompts: list[str] = []
    model = RunnableLambda(lambda prompt: prompts.append(prompt.to_string()) or "")
    chain = create_stuff_documents_chain(model, ChatPromptTemplate.from_template("{question}\n{context}"))
    chain.invoke({"question": QUESTION, "context": ranked})
    assert prompts == [f"Human: {QUESTION}\n{TEXTS[1]}\n\n{TEXTS[0]}"]


def test_the_option_is_kept_in_dumps_and_copies() -> None:
    reranker = Reranker("bm25", include_reasoning=True)
    for twin in (Reranker(**reranker.model_dump()), pickle.loads(pickle.dumps(reranker)), copy.deepcopy(reranker)):
        assert twin.include_reasoning
    assert not Reranker("bm25").include_reasoning
