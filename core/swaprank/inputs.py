"""What users hand in, checked where it enters, so that nothing odd reaches a method or a model."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import index
from typing import Any, TypeVar

from .errors import InputError
from .masking import shown
from .scores.vectors import check_vector
from .types import Decomposed, Passage, Query, readable

T = TypeVar("T")

# The packages of frameworks, and the adapter that takes what they find.
_ADAPTERS = {"llama_index": "llamaindex_rerankers", "langchain_core": "langchain_rerankers"}


def checked_query(query: str | Query, instruction: str | None = None) -> Query:
    """The query, with text that every tokenizer takes.

    Args:
        query: Text or a `Query`.
        instruction: Goes before the query's own; None leaves that one.

    Raises:
        InputError: A blank query, or something of another type.
    """
    if isinstance(query, str):
        query = Query(query)
    if not isinstance(query, Query):
        raise InputError(f"The query is {_shown(query)}.", hint="Give a str or a swaprank.Query.")
    _check_text(query.text, "The query's text")
    if not query.text.strip() and not query.images:
        raise InputError(f"The query is {query.text!r}.", hint="A query needs at least one visible character.")
    if not isinstance(query.decomposed, Decomposed | None):
        raise InputError(f"The query's 'decomposed' is {_shown(query.decomposed)}.", hint="Give a swaprank.Decomposed.")
    if query.embedding is not None:
        check_vector(query.embedding, "The query's embedding")
    instruction = query.instruction if instruction is None else instruction
    if instruction is not None:
        _check_text(instruction, "The instruction")
    return replace(query, text=readable(query.text), instruction=instruction and readable(instruction))


def checked_top_n(top_n: Any) -> int:
    """How many passages a call keeps at most.

    Raises:
        InputError: No whole number of at least 1.
    """
    try:
        whole = index(top_n)
    except TypeError:
        whole = 0
    if isinstance(top_n, bool) or whole < 1:
        raise InputError(f"top_n is {shown(top_n)}.", hint="Give a whole number of at least 1, or None.")
    return whole


def checked_passages(passages: Iterable[str | Passage], name: str = "passages") -> list[Passage]:
    """The passages as a list; those handed in as `Passage` are the same objects.

    Raises:
        InputError: No ordered collection, or one that holds something of another type.
    """
    return [_passage(passage, f"{name}[{place}]") for place, passage in enumerate(as_list(passages, name))]


def as_list(values: Iterable[T], name: str) -> list[T]:
    """Any ordered collection as a list: lists, tuples, arrays, generators, but no single text, mapping, set or table.

    Raises:
        InputError: Anything else.
    """
    if hasattr(values, "columns"):  # tables give the names of their columns
        raise InputError(f"{name} is of type {type(values).__name__}.", hint='Give a column as a list: table["text"].')
    one_or_unordered = isinstance(values, str | bytes | os.PathLike | Mapping | set | frozenset)
    if one_or_unordered or not isinstance(values, Iterable):
        raise InputError(f"{name} is {_shown(values)}.", hint="Give a list.")
    return list(values)


def _passage(passage: Any, name: str) -> Passage:
    if isinstance(passage, str):
        return Passage(passage)
    if not isinstance(passage, Passage):
        raise InputError(f"{name} is {_shown(passage)}.", hint=_passage_hint(passage))
    _check_text(passage.text, f"The text of {name}")
    if passage.title is not None:
        _check_text(passage.title, f"The title of {name}")
    if not isinstance(passage.id, str | int | None):
        raise InputError(f"The id of {name} is {_shown(passage.id)}.", hint="Give a str, an int or None.")
    if passage.score is not None and type(passage.score) is not float:
        _check_score(passage.score, f"The score of {name}")
    if passage.embedding is not None:
        check_vector(passage.embedding, f"The embedding of {name}")
    return passage


def _passage_hint(given: object) -> str:
    for owner in type(given).__mro__:
        if adapter := _ADAPTERS.get(owner.__module__.partition(".")[0]):
            return f"{adapter}.Reranker takes it."
    return "Give a str or a swaprank.Passage."


def _check_text(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise InputError(f"{name} is {_shown(text)}.", hint="Give a str.")


def _check_score(score: Any, name: str) -> None:
    """Numbers of any library will do, as long as they fit a float."""
    try:
        if isinstance(score, str | bytes | bytearray):
            raise TypeError
        float(score)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is {_shown(score)}.", hint="Give a float, or None for unknown.") from error


def _shown(value: object) -> str:
    """The type and the beginning of a value; an int may be too long to be written."""
    try:
        return f"of type {type(value).__name__}: {reprlib.repr(value)}"
    except ValueError:
        return f"of type {type(value).__name__}"
