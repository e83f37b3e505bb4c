"""Runs of a dense retriever over BEIR folders, for benchmarks that rerank them: OUT/<set>/runs/dense.trec.

Run: python -m tests.benchmarks.dense_runs <folder of BEIR folders> OUT [--sets NAME ...] [--reranker ...]

Every passage of the collection is compared with every query; each text is embedded once. The collection's other files
are linked into OUT, so that `--run dense` of the other benchmarks reads OUT like the folder itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from swaprank import Passage, Reranker
from swaprank.runs.judged_files import json_lines

DEPTH = 100
FILES = ("corpus.jsonl", "queries.jsonl", "qrels")


def run_lines(folder: Path, reranker: Reranker) -> list[str]:
    """The lines of a TREC run, the best hundred passages of each query."""
    corpus = [
        Passage(entry["text"], id=entry["_id"], title=entry.get("title") or None)
        for entry in json_lines(folder / "corpus.jsonl", ("_id", "text"))
    ]
    queries = {entry["_id"]: entry["text"] for entry in json_lines(folder / "queries.jsonl", ("_id", "text"))}
    rankings = reranker.rerank_many(queries.values(), [corpus] * len(queries), top_n=DEPTH)
    return [
        f"{query} Q0 {ranked.passage.id} {ranked.rank} {ranked.score:.6f} dense"
        for query, ranking in zip(queries, rankings, strict=True)
        for ranked in ranking.passages
    ]


def main() -> None:
    """Write one run per collection; those that are there already stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", nargs="+", default=None)
    parser.add_argument("--reranker", default="embedded-all-minilm-l6-v2")
    given = parser.parse_args()
    reranker = Reranker(given.reranker)
    for data in sorted(path.parent for path in given.folder.glob("*/corpus.jsonl")):
        written = given.out / data.name / "runs" / "dense.trec"
        if written.exists() or (given.sets is not None and data.name not in given.sets):
            continue
        written.parent.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            link = written.parents[1] / name
            if not link.is_symlink():
                link.symlink_to((data / name).resolve())
        written.write_text("\n".join(run_lines(data, reranker)) + "\n", encoding="utf-8")
        sys.stderr.write(f"{written}\n")


if __name__ == "__main__":
    main()
