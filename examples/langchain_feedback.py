"""A second search in LangChain by the query vector that the reranker moved, then reranked."""

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from passages import PASSAGES, QUESTION

from langchain_rerankers import FeedbackRetriever, Reranker


def main() -> None:
    # A stand-in for your own embedding model and vector store.
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents([Document(page_content=text) for text in PASSAGES])
    reranker = Reranker("embedded", top_n=2)
    second = FeedbackRetriever(vectorstore=store, reranker=Reranker("embedded"), first_k=5, k=4)
    for document in reranker.as_retriever(second).invoke(QUESTION):
        print(f"{document.metadata['relevance_score']:+.2f} {document.page_content}")


if __name__ == "__main__":
    main()
