"""One file, both frameworks: edit one line, and both rerank with something else."""

import tempfile
from pathlib import Path

from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from passages import PASSAGES, QUESTION

import langchain_rerankers
import llamaindex_rerankers


def main() -> dict[str, tuple[str, str]]:
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in PASSAGES]
    documents = [Document(page_content=text) for text in PASSAGES]
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reranker.yaml"
        for line in ("reranker: bm25", "reranker: embedded", "reranker: static-embedding"):
            file.write_text(f"{line}\ntop_n: 1\n")
            [node] = llamaindex_rerankers.Reranker.from_config(file).postprocess_nodes(nodes, query_str=QUESTION)
            [document] = langchain_rerankers.Reranker.from_config(file).compress_documents(documents, QUESTION)
            best[line] = (node.node.get_content(), document.page_content)
            print(f"{line}\n  LlamaIndex: {best[line][0]}\n  LangChain:  {best[line][1]}")
    return best


if __name__ == "__main__":
    main()
