"""A second retrieval in LlamaIndex by the query embedding that the reranker moved, then reranked."""

from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from passages import PASSAGES, QUESTION

from llamaindex_rerankers import FeedbackRetriever, Reranker


class StandIn(BaseEmbedding):
    """A stand-in for your own embedding model."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return DeterministicFakeEmbedding(size=8).embed_query(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_query_embedding(text)


def main() -> None:
    model = StandIn()
    index = VectorStoreIndex([TextNode(text=text) for text in PASSAGES], embed_model=model)
    first = index.as_retriever(similarity_top_k=5)
    second = FeedbackRetriever(first, Reranker("embedded"), embed_model=model)
    found = Reranker("embedded", top_n=2).postprocess_nodes(second.retrieve(QUESTION), query_str=QUESTION)
    for node in found:
        print(f"{node.score:+.2f} {node.node.get_content()}")


if __name__ == "__main__":
    main()
