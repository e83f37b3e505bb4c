"""A BM25 index of LangChain documents."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any

from langchain_core.documents import Document

from swaprank import BM25Index, Passage


def bm25_index(
    documents: Iterable[Document], path: str | PathLike[str], *, title_key: str | None = None, **options: Any
) -> BM25Index:
    """Index documents into a folder, for ``{method: bm25, collection: <folder>}``; later calls read only what changed.

    Args:
        documents: The collection. Documents without an id are known by their text.
        path: The folder.
        title_key: As the reranker's, so that documents are found again by what is read of them.
        options: Fields of `swaprank.requests.Analysis`, such as ``language="de"``.

    Raises:
        swaprank.ConfigError: An unknown option.
        swaprank.InputError: There is nothing to index.
    """
    passages = (
        Passage(one.page_content, id=one.id, title=None if title_key is None else one.metadata.get(title_key))
        for one in documents
    )
    return BM25Index.ensure(passages, path, **options)
