"""What the adapters cost beside the bare core: 100 passages, a method that costs nothing.

Run: python -m tests.benchmarks.adapter_overhead
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from rich.console import Console
from rich.table import Table

import langchain_rerankers
import llamaindex_rerankers
import swaprank
from swaprank.requests import PairScored, Request, Response
from swaprank.testing import ScriptedBackend

CONFIG = {"method": "cross-encoder", "model": "none"}


def free(request: Request) -> Response:
    """A score for nothing."""
    return PairScored(logit=1.0, activation="identity", activated=1.0)


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of one call."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=200)
    given = parser.parse_args()
    texts = [f"Passage number {place} says something about tea." for place in range(given.passages)]
    core = swaprank.Reranker(CONFIG, backend=ScriptedBackend(free))
    passages = [swaprank.Passage(text, id=str(place), score=0.5) for place, text in enumerate(texts)]
    nodes = [NodeWithScore(node=TextNode(text=text, metadata={"page": 1}), score=0.5) for text in texts]
    documents = [Document(page_content=text, metadata={"page": 1}) for text in texts]
    in_llamaindex, in_langchain = llamaindex_rerankers.Reranker(core), langchain_rerankers.Reranker(core)
    base = milliseconds(lambda: core.rerank("tea", passages), given.repeats)
    table = Table("", "median ms", "over the core", title=f"{given.passages} passages, {given.repeats} repeats")
    table.add_row("core", f"{base:.2f}", "")
    for name, work in (
        ("LlamaIndex", lambda: in_llamaindex.postprocess_nodes(nodes, query_str="tea")),
        ("LangChain", lambda: in_langchain.compress_documents(documents, "tea")),
    ):
        spent = milliseconds(work, given.repeats)
        table.add_row(name, f"{spent:.2f}", f"+{spent - base:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
