"""A LangChain ContextualCompressionRetriever whose compressor is described by reranker.yaml."""

from pathlib import Path

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from passages import PASSAGES, QUESTION

from langchain_rerankers import Reranker


def main(config: Path = Path(__file__).parent / "reranker.yaml") -> list[str]:
    # A stand-in for your own embedding model and vector store.
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents([Document(page_content=text) for text in PASSAGES])
    retriever = ContextualCompressionRetriever(
        base_compressor=Reranker.from_config(config), base_retriever=store.as_retriever(search_kwargs={"k": 6})
    )
    found = retriever.invoke(QUESTION)
    for document in found:
        print(f"{document.metadata['relevance_score']:+.2f} {document.page_content}")
    return [document.page_content for document in found]


if __name__ == "__main__":
    main()
