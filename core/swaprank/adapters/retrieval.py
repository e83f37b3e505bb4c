"""Retrieving again: for the parts of a question, and with what the reranker taught the query.

Both are `Steps`, for a framework's retriever and embedding model may be called either way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..errors import BackendError
from ..reranker import Reranker
from ..stages.feedback import Feedback, with_embeddings
from ..stages.pooling import pooled
from ..types import Passage, Query
from .steps import Steps, step

Candidate = TypeVar("Candidate")
Vectors = Sequence[Sequence[float]]


def retrieve_for_parts(
    core: Reranker,
    query: Query,
    given: list[Candidate],
    retrieve: Callable[[list[str]], Steps[Sequence[Sequence[Candidate]]]],
    *,
    key: Callable[[Candidate], Hashable],
    unscored: Callable[[Candidate], Candidate],
) -> Steps[tuple[Query, list[Candidate]]]:
    """Split a question and add what a retriever finds for it and its parts to the candidates.

    Args:
        core: A question decomposition.
        query: The question.
        given: The candidates from before.
        retrieve: Finds candidates for each of several texts, best first.
        key: Tells which candidates are the same one.
        unscored: A copy without a retrieval score; what was found for a part has a score for another question.

    Returns:
        The query with its parts, so that the reranker does not split it again, and the candidates: the given ones
        first, then the retrieved ones, each once. Where the LLM fails, both as they were: the reranker asks again
        and does what ``on_error`` says.
    """
    try:
        parts = yield from step(core.decompose, core.adecompose, query)
    except BackendError:
        return query, given
    if not parts.sub_questions:
        return replace(query, decomposed=parts), given
    found = yield from retrieve([query.text, *parts.sub_questions])
    lists = [list(one[: parts.k]) for one in found]
    lists[0] = [*given, *lists[0]]
    members, positions = pooled([[key(candidate) for candidate in one] for one in lists])
    pool = [lists[row][column] if row == 0 else unscored(lists[row][column]) for row, column in members]
    return replace(query, decomposed=replace(parts, found=positions)), pool


def feedback_embedding(
    core: Reranker,
    query: Query,
    passages: Sequence[Passage],
    texts: Sequence[str],
    embed: Callable[[list[str]], Steps[Vectors]],
    *,
    how: Feedback | None,
) -> Steps[list[float]]:
    """The query embedding that the reranker's judgement of some passages teaches, for a second retrieval.

    Args:
        core: The reranker.
        query: The query with its embedding by the retriever.
        passages: What the first retrieval found.
        texts: What the embedding model reads of each passage.
        embed: Embeds texts as the retriever does; asked only about passages that bring no embedding.
        how: How many passages count, and how far the query moves; None for the official code's choice.

    Raises:
        InputError: Not one vector per text came back, or an embedding has another size.
    """
    missing = [text for text, passage in zip(texts, passages, strict=True) if passage.embedding is None]
    vectors: Vectors = (yield from embed(missing)) if missing else []
    embedded = with_embeddings(passages, lambda _: vectors)
    ranking = yield from step(core.rerank, core.arerank, query, embedded)
    return (yield from step(core.feedback, core.afeedback, query, ranking, how=how))
