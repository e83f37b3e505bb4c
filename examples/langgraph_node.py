"""An async rerank node in a LangGraph graph."""

import asyncio
from typing import TypedDict

from langchain_core.documents import Document
from langgraph.graph import END, START, StateGraph
from passages import PASSAGES, QUESTION

from langchain_rerankers import Reranker

reranker = Reranker(top_n=2)


class State(TypedDict):
    question: str
    documents: list[Document]


async def retrieve(state: State) -> dict[str, list[Document]]:
    return {"documents": [Document(page_content=text) for text in PASSAGES]}


async def rerank(state: State) -> dict[str, list[Document]]:
    return {"documents": await reranker.acompress_documents(state["documents"], state["question"])}


def main() -> list[str]:
    graph = StateGraph(State)
    graph.add_node("retrieve", retrieve)
    graph.add_node("rerank", rerank)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "rerank")
    graph.add_edge("rerank", END)
    final = asyncio.run(graph.compile().ainvoke({"question": QUESTION, "documents": []}))
    texts = [document.page_content for document in final["documents"]]
    print("\n".join(texts))
    return texts


if __name__ == "__main__":
    main()
