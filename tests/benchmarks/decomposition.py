"""Recall@5 and MRR@10 of question decomposition over BM25, as the tables of docs/question-decomposition.md.

Run: python -m tests.benchmarks.decomposition <BEIR folder with answers.jsonl> [...]

The LLM is scripted with the data set's own decompositions, once with the answers of earlier hops filled in for
``#1`` and once as they are. Where a set has none (HotpotQA) the parts are the titles of the supporting documents:
an oracle that knows what to look for. Retrieval is BM25 over the whole corpus, through the LangChain adapter.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from langchain_rerankers import QuestionDecomposition, Reranker, bm25_index
from swaprank import BM25Index
from swaprank.prompt import Chat, plain
from swaprank.requests import Capability, Generate, Generated, Request
from swaprank.testing import ScriptedBackend

DEPTH = 100
Parts = Callable[[dict[str, Any]], list[str]]


class Collection(BaseRetriever):
    """BM25 over a corpus."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: BM25Index
    documents: dict[str, Document]
    k: int = DEPTH

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        found = self.index.search(query, self.k)
        return [
            self.documents[id_].model_copy(update={"metadata": {**self.documents[id_].metadata, "score": score}})
            for id_, score in found
        ]


def corpus(folder: Path) -> dict[str, Document]:
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        entry["_id"]: Document(
            page_content=entry["text"], id=entry["_id"], metadata={"title": entry.get("title") or ""}
        )
        for entry in map(json.loads, lines)
    }


def filled(question: dict[str, Any]) -> list[str]:
    hops = question["decomposition"]
    return [re.sub(r"#(\d+)", lambda hop: hops[int(hop[1]) - 1]["answer"], one["question"]) for one in hops]


def as_they_are(question: dict[str, Any]) -> list[str]:
    return [one["question"] for one in question["decomposition"]]


def scripted(questions: list[dict[str, Any]], parts: Parts) -> ScriptedBackend:
    """An LLM that knows the parts of every question."""
    known = {f"Question: {one['question']}": "\n".join(f"- {part}" for part in parts(one)) for one in questions}

    def answer(request: Request) -> Generated:
        assert isinstance(request, Generate) and isinstance(request.prompt, Chat)
        [message] = request.prompt.messages
        return Generated(known[plain(message.content).splitlines()[-1]])

    return ScriptedBackend(answer, capabilities={Capability.TEXT})


def measured(
    questions: list[dict[str, Any]], retriever: Collection, rank: Callable[[list[Document], str], list[Document]]
) -> tuple[float, float]:
    """Mean recall@5 of the supporting documents, and MRR@10."""
    recall = reciprocal = 0.0
    for one in questions:
        ranked = [document.id for document in rank(retriever.invoke(one["question"]), one["question"])]
        gold = set(one["supporting_docs"])
        recall += len(gold & set(ranked[:5])) / len(gold)
        reciprocal += next((1 / place for place, id_ in enumerate(ranked[:10], start=1) if id_ in gold), 0.0)
    return recall / len(questions), reciprocal / len(questions)


def rows(folder: Path, reranker: str, index: Path) -> list[tuple[str, float, float]]:
    documents = corpus(folder)
    questions = [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    built = bm25_index(documents.values(), index, title_key="title", language="en", k1=0.9, b=0.4)
    retriever = Collection(index=built, documents=documents)

    def titles(question: dict[str, Any]) -> list[str]:
        return [documents[id_].metadata["title"] + "?" for id_ in question["supporting_docs"]]

    own = all("decomposition" in one for one in questions)
    scripts: dict[str, Parts] = (
        {"answers filled in": filled, "as they are": as_they_are} if own else {"titles of the support": titles}
    )

    found = [("BM25", *measured(questions, retriever, lambda given, _: given))]
    plain_rerank = Reranker(reranker, title_key="title")
    found.append((f"BM25, {reranker}", *measured(questions, retriever, plain_rerank.compress_documents)))
    single = QuestionDecomposition(rerank=reranker, backend=scripted(questions, lambda _: ["NONE"]), title_key="title")
    found.append(("no parts (NONE)", *measured(questions, retriever, single.compress_documents)))
    for what, parts in scripts.items():
        variants: dict[str, dict[str, Any]] = {
            "": {},
            ", coverage: null": {"coverage": None},
            ", decomposition: mean": {"decomposition": "mean"},
            ", decomposition: max": {"decomposition": "max"},
        }
        for name, options in variants.items():
            for how, source in (("retriever", retriever), ("given candidates", None)):
                ours = QuestionDecomposition(
                    rerank=reranker, backend=scripted(questions, parts), retriever=source, title_key="title", **options
                )
                figures = measured(questions, retriever, ours.compress_documents)
                found.append((f"{what}, {how}{name}", *figures))
                sys.stderr.write(f"{folder.name} {found[-1]}\n")
    return found


def main() -> None:
    """Measure and print one table per folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--reranker", default="embedded")
    given = parser.parse_args()
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as index:
            found = rows(folder, given.reranker, Path(index) / "index")
        sys.stdout.write(f"\n{folder.name}\n\n| | recall@5 | MRR@10 |\n|---|---|---|\n")
        base = found[1]
        for place, (name, recall, reciprocal) in enumerate(found):
            gains = (f" ({recall - base[1]:+.4f})", f" ({reciprocal - base[2]:+.4f})") if place > 1 else ("", "")
            sys.stdout.write(f"| {name} | {recall:.4f}{gains[0]} | {reciprocal:.4f}{gains[1]} |\n")


if __name__ == "__main__":
    main()
