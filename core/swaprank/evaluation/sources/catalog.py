"""Test collections by their id in ir_datasets, such as ``beir/scifact/test``.

ir_datasets (Apache-2.0, MacAvaney et al., SIGIR 2021) downloads what may be downloaded, once, and checks it.
"""

from __future__ import annotations

from typing import Any

from ...errors import InputError, require
from ...types import Passage
from .collection import Collection


def read_catalog(id_: str) -> tuple[Collection, dict[str, list[tuple[str, float]]]]:
    """A collection by its id.

    Where the data set says which candidates are to be reranked, only their texts are read.

    Returns:
        The collection, and the published candidates by query id, best first; none where there are none.

    Raises:
        InputError: There is no such data set, or it has no queries, passages or judgements.
    """
    library = require(
        "ir_datasets", extra="eval", purpose=f"There is no file or folder {id_!r}; reading a data set by its id"
    )
    try:
        data = library.load(id_)
    except KeyError as error:
        raise InputError(
            f"{id_!r} is neither a file, a folder nor an id of ir_datasets.", hint="See https://ir-datasets.com"
        ) from error
    missing = [what for what in ("docs", "queries", "qrels") if not getattr(data, f"has_{what}")()]
    if missing:
        raise InputError(f"The data set {id_!r} has no {', '.join(missing)}.", hint="Choose one that is judged.")
    qrels: dict[str, dict[str, int]] = {}
    for judged in data.qrels_iter():
        qrels.setdefault(judged.query_id, {})[judged.doc_id] = int(judged.relevance)
    queries = {one.query_id: _text(one) for one in data.queries_iter() if one.query_id in qrels}
    run: dict[str, list[tuple[str, float]]] = {}
    if data.has_scoreddocs():
        for scored in data.scoreddocs_iter():
            if scored.query_id in queries:
                run.setdefault(scored.query_id, []).append((scored.doc_id, float(scored.score)))
    wanted = {one for found in run.values() for one, _ in found}
    documents = data.docs_store().get_many_iter(wanted) if wanted else data.docs_iter()
    passages = {one.doc_id: _passage(one) for one in documents}
    found = Collection(name=id_, source=f"ir_datasets:{id_}", passages=passages, queries=queries, qrels=qrels)
    return found, {query: sorted(ranked, key=lambda one: -one[1]) for query, ranked in run.items()}


def _passage(document: Any) -> Passage:
    if hasattr(document, "title") and hasattr(document, "text"):
        return Passage(document.text, id=document.doc_id, title=document.title or None)
    return Passage(_text(document), id=document.doc_id)


def _text(entry: Any) -> str:
    text: str = entry.default_text()
    return text
