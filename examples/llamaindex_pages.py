"""A LlamaIndex query engine over page images, asked in words.

python examples/llamaindex_pages.py "What does the project cost?" page-1.png page-2.png
"""

import sys
from collections.abc import Sequence

from llama_index.core import MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.schema import ImageNode

from llamaindex_rerankers import Reranker


def main(question: str, pages: Sequence[str], reranker: object = "colqwen2-v1.0") -> list[str]:
    # Stand-ins, so that only the reranker needs a model: set your own LLM and embedding model here.
    Settings.llm, Settings.embed_model = MockLLM(), MockEmbedding(embed_dim=8)
    nodes = [ImageNode(text=page, image_path=page) for page in pages]
    engine = VectorStoreIndex(nodes).as_query_engine(
        similarity_top_k=20, node_postprocessors=[Reranker(reranker, top_n=3)], response_mode="no_text"
    )
    found = engine.query(question).source_nodes
    for node in found:
        print(f"{node.score:+.2f} {node.node.image_path}")
    return [node.node.image_path for node in found]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
