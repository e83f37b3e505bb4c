"""Cut the bundled sample from XQuAD in BEIR layout.

Run: python tests/packaging/make_sample.py <folder that holds xquad-en and xquad-ar>

Every 10th query (in the order of the file, both languages have the same), 20 in all, their paragraphs, and
every second of the others. The first stage counts the distinct lower-case words that a
query and a paragraph share; equal counts are ordered by paragraph id. Nothing looks at how a query fares.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "core" / "swaprank" / "sample"
QUERIES, STEP, OTHER, DEPTH = 20, 10, 2, 20


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def jsonl(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def cut(source: Path, target: Path) -> None:
    queries = jsonl(source / "queries.jsonl")[::STEP][:QUERIES]
    asked = {query["_id"] for query in queries}
    judged = [line.split("\t") for line in (source / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    judged = [row for row in judged if row[0] in asked]
    relevant = {row[1] for row in judged}
    corpus = jsonl(source / "corpus.jsonl")
    kept = [entry for place, entry in enumerate(corpus) if entry["_id"] in relevant or place % OTHER == 0]
    entries = [{"_id": entry["_id"], "title": "", "text": entry["text"]} for entry in kept]
    run = []
    for query in queries:
        counted = sorted((-len(words(query["text"]) & words(entry["text"])), entry["_id"]) for entry in entries)
        ranked = [(passage, -count) for count, passage in counted if count][:DEPTH]
        run += [
            f"{query['_id']} Q0 {passage} {rank} {score} overlap" for rank, (passage, score) in enumerate(ranked, 1)
        ]
    write(target / "corpus.jsonl", [json.dumps(entry, ensure_ascii=False) for entry in entries])
    write(target / "queries.jsonl", [json.dumps(query, ensure_ascii=False) for query in queries])
    write(target / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *("\t".join(row) for row in judged)])
    write(target / "runs" / "overlap.trec", run)


if __name__ == "__main__":
    for language in ("en", "ar"):
        cut(Path(sys.argv[1]) / f"xquad-{language}", SAMPLE / language)
