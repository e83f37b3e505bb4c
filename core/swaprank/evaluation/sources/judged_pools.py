"""NovelEval and FutureQueryEval: corpus.tsv, queries.tsv and qrels.txt, where every judged passage is a candidate.

Sun et al., RankGPT (EMNLP 2023), arXiv 2304.09542, published NovelEval with questions about events after GPT-4's
training; Abdallah et al. (EMNLP Findings 2025), arXiv 2508.16757, FutureQueryEval, which has files of the same names
and queries of April 2025 and later. No model that was trained before can have seen them. In both, passages that were
judged 0 are candidates too, so that the judgements are the pool. NovelEval's files were read with this reader. Of
FutureQueryEval's only the names are known (corpus.tsv, queries.tsv, queries.csv and qrels.txt, on the hub in November
2026): where a first line names them, the text is found by its name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ...runs.judged_files import read_qrels
from ...types import Passage
from .collection import Collection

_IDS = {"id", "qid", "queryid", "docid", "did", "pid", "corpusid", "documentid", "passageid"}
_TEXTS = {"text", "query", "querytext", "question", "passage", "passagetext", "document", "doctext", "content"}
_FILES = ("corpus.tsv", "qrels.txt")


def is_judged_pools(folder: Path) -> bool:
    """Whether a folder is laid out like this."""
    return all((folder / name).is_file() for name in _FILES) and _queries_file(folder).is_file()


def read_judged_pools(folder: Path) -> Collection:
    """The collection of a folder.

    The first column of corpus and queries is the id. The text is the column that a first line calls ``text``,
    ``query``, ``question``, ``passage`` or the like, and without such a line the second.

    Raises:
        InputError: A file is missing or does not parse.
    """
    judged = read_qrels(folder / "qrels.txt")
    passages = {id_: Passage(text, id=id_) for id_, text in _columns(folder / "corpus.tsv")}
    queries = dict(_columns(_queries_file(folder)))
    pools = {query: [one for one in found if one in passages] for query, found in judged.items()}
    return Collection(
        name=folder.name, source=str(folder), passages=passages, queries=queries, qrels=judged, pools=pools
    )


def _queries_file(folder: Path) -> Path:
    """FutureQueryEval has its queries in two forms, of which the one with tabs is NovelEval's."""
    tabs = folder / "queries.tsv"
    return tabs if tabs.is_file() else folder / "queries.csv"


def _columns(path: Path) -> Iterator[tuple[str, str]]:
    """Id and text of each row."""
    tabs = path.suffix == ".tsv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = csv.reader(
                file, delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
            )
            place = 1
            for number, row in enumerate(found, start=1):
                if number == 1 and row and _plain(row[0]) in _IDS:
                    place = next((at for at, name in enumerate(row) if _plain(name) in _TEXTS), 1)
                elif row and len(row) <= place:
                    raise InputError(f"{str(path)!r}, line {number} has no column {place + 1}: {row[0][:60]!r}.")
                elif row:
                    yield row[0], row[place]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}.") from error


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "").replace("-", "")
