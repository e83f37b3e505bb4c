"""BM25 fused with the scores of a first stage, by one config in both frameworks."""

from pathlib import Path

from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from passages import PASSAGES, QUESTION

import langchain_rerankers
import llamaindex_rerankers

# As if an embedding model had scored them, none too well.
SCORES = [0.3, 0.5, 0.1, 0.7, 0.2, 0.5]


def main(config: Path = Path(__file__).parent / "hybrid.yaml") -> None:
    nodes = [NodeWithScore(node=TextNode(text=text), score=score) for text, score in zip(PASSAGES, SCORES, strict=True)]
    for node in llamaindex_rerankers.HybridFusion.from_config(config).postprocess_nodes(nodes, query_str=QUESTION):
        print(f"{node.score:+.2f} {node.node.get_content()}")
    documents = [
        Document(page_content=text, metadata={"score": score}) for text, score in zip(PASSAGES, SCORES, strict=True)
    ]
    for document in langchain_rerankers.HybridFusion.from_config(config).compress_documents(documents, QUESTION):
        print(f"{document.metadata['relevance_score']:+.2f} {document.page_content}")


if __name__ == "__main__":
    main()
