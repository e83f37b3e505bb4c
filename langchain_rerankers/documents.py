"""What is read of documents and of a runnable's input, checked where it enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from langchain_core.documents import Document

from swaprank import InputError, Query
from swaprank.adapters import checked_candidates, images_of, shown


def runnable_input(
    documents: Sequence[Document], query: str, instruction: str | None, top_n: int | None, query_image: Any
) -> dict[str, Any]:
    """The input of the runnable; traces show an instruction, a limit and images only where there are any."""
    # As `Image`, whose text form shows no bytes.
    options = {"instruction": instruction, "top_n": top_n, "query_image": list(images_of(query_image)) or None}
    given = {key: value for key, value in options.items() if value is not None}
    return {"query": query, "documents": _checked_documents(documents), **given}


def checked_input(inputs: dict[str, Any]) -> tuple[Query, list[Document], int | None]:
    """The query with its instruction, the documents, and how many are kept."""
    hint = 'Give {"query": "...", "documents": [Document(page_content="..."), ...]}.'
    if not isinstance(inputs, Mapping):
        if isinstance(inputs, list):
            hint = (
                'Documents come without their query: write {"query": RunnablePassthrough(), "documents": retriever} | '
                "reranker, or reranker.as_retriever(retriever)."
            )
        raise InputError(f"The input is a {type(inputs).__name__}: {shown(inputs)}.", hint=hint)
    missing = [key for key in ("query", "documents") if key not in inputs]
    if missing:
        raise InputError(f"The input has no {' and no '.join(missing)}.", hint=hint)
    query = inputs["query"]
    if not isinstance(query, str):
        raise InputError(f"The query is a {type(query).__name__}: {shown(query)}.", hint="Give a str.")
    documents = _checked_documents(inputs["documents"])
    images = images_of(inputs.get("query_image"))
    return Query(query, instruction=inputs.get("instruction"), images=images), documents, inputs.get("top_n")


def _checked_documents(documents: Sequence[Document]) -> list[Document]:
    return checked_candidates(documents, Document, "documents", 'Give a list of Document(page_content="...").')


def title_of(document: Document, key: str | None) -> str | None:
    """The title that is read before the text; None where there is no such key."""
    title = None if key is None else document.metadata.get(key)
    return None if title is None else str(title)


def score_of(document: Document, key: str) -> float | None:
    """The first-stage score; None where there is none.

    Raises:
        InputError: It is too large for a float.
    """
    score = document.metadata.get(key)
    try:
        return float(score) if isinstance(score, Real) else None
    except OverflowError:
        raise InputError(
            f"metadata[{key!r}] of the document {document.page_content[:60]!r} is too large for a float.",
            hint="Name the metadata key of the retrieval score in score_key.",
        ) from None
