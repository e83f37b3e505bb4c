"""A LlamaIndex query engine whose postprocessor is described by reranker.yaml."""

from pathlib import Path

from llama_index.core import MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from passages import PASSAGES, QUESTION

from llamaindex_rerankers import Reranker


def main(config: Path = Path(__file__).parent / "reranker.yaml") -> list[str]:
    # Stand-ins, so that the example runs without a network: set your own LLM and embedding model here.
    Settings.llm, Settings.embed_model = MockLLM(), MockEmbedding(embed_dim=8)
    index = VectorStoreIndex([TextNode(text=text) for text in PASSAGES])
    engine = index.as_query_engine(
        similarity_top_k=6, node_postprocessors=[Reranker.from_config(config)], response_mode="no_text"
    )
    found = engine.query(QUESTION).source_nodes
    for node in found:
        print(f"{node.score:+.2f} {node.node.get_content()}")
    return [node.node.get_content() for node in found]


if __name__ == "__main__":
    main()
