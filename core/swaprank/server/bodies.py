"""Requests of the rerank interfaces, read strictly where it matters and leniently where clients differ.

- ``/v1/rerank`` and ``/v2/rerank``: the words of Jina, Cohere, vLLM and others, which share one shape
  (https://docs.cohere.com/reference/rerank, https://jina.ai/reranker); Voyage's differs in a few words
  (https://docs.voyageai.com/reference/reranker-api).
- ``/rerank``: Text Embeddings Inference (https://huggingface.github.io/text-embeddings-inference), and the shape above,
  which vLLM and Infinity speak at this path, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError
from ..types import Passage

# Keys that clients send and that change nothing here, with what is said about them.
_WITHOUT_EFFECT = {
    "max_tokens_per_doc": "max_tokens_per_doc has no effect: the config of the reranker says how passages are cut.",
    "max_chunks_per_doc": "max_chunks_per_doc has no effect: the config of the reranker says how passages are split.",
}
# Keys without effect of which nothing needs to be said.
_SILENT = frozenset({"priority", "truncate", "truncation", "truncation_direction", "return_embeddings", "user"})

# The words of a reply: Cohere's and Jina's, Voyage's, Text Embeddings Inference's.
Dialect = Literal["rerank", "voyage", "tei"]
Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RerankJob:
    """What a client wants.

    Attributes:
        query: The query.
        passages: The candidates.
        dialect: The words in which the reply is written.
        model: The name of the reranker; None for the default.
        top_n: How many are wanted back; None for as many as the config says.
        instruction: What counts as relevant; a key that only this server has.
        with_text: Whether the texts are wanted back.
        raw: Whether raw scores are wanted instead of relevance between 0 and 1.
        warnings: What was sent and has no effect.
    """

    query: str
    passages: Sequence[Passage]
    dialect: Dialect = "rerank"
    model: str | None = None
    top_n: int | None = None
    instruction: str | None = None
    with_text: bool = False
    raw: bool = False
    warnings: tuple[str, ...] = ()


class _Document(BaseModel):
    """A document as an object; other keys are metadata, which no reranker reads."""

    model_config = ConfigDict(extra="ignore")

    text: str
    title: str | None = None


class _RerankBody(BaseModel):
    model_config = ConfigDict(extra="allow")

    query: str
    documents: list[str | _Document]
    model: str | None = None
    top_n: int | None = Field(default=None, ge=1, strict=True)
    top_k: int | None = Field(default=None, ge=1, strict=True)
    return_documents: bool | None = False
    instruction: str | None = None


class _TeiBody(BaseModel):
    model_config = ConfigDict(extra="allow")

    query: str
    texts: list[str]
    raw_scores: bool | None = False
    return_text: bool | None = False


def read_rerank(content: bytes) -> RerankJob:
    """A request to ``/v1/rerank`` or ``/v2/rerank``.

    Raises:
        InputError: It is not such a request.
    """
    return _rerank_job(_parsed(content))


def read_tei_or_rerank(content: bytes) -> RerankJob:
    """A request to ``/rerank``: of Text Embeddings Inference's clients with ``texts``, of others with ``documents``.

    Raises:
        InputError: It is neither.
    """
    found = _parsed(content)
    if isinstance(found, dict) and "documents" in found and "texts" not in found:
        return _rerank_job(found)
    body = _validated(_TeiBody, found)
    return RerankJob(
        query=body.query,
        passages=[Passage(text) for text in body.texts],
        dialect="tei",
        # Its clients rely on a score for every text, whatever the config keeps.
        top_n=len(body.texts) or None,
        with_text=bool(body.return_text),
        raw=bool(body.raw_scores),
        warnings=_warnings(body.model_extra or {}),
    )


def _rerank_job(found: Any) -> RerankJob:
    body = _validated(_RerankBody, found)
    extra = body.model_extra or {}
    if extra.get("rank_fields"):
        raise InputError("rank_fields is not supported.", hint="Send each document as one text.")
    if None not in (body.top_n, body.top_k) and body.top_n != body.top_k:
        raise InputError(f"top_n is {body.top_n}, and top_k is {body.top_k}.", hint="They mean the same; send one.")
    # Voyage's clients always send its own words, and no others do.
    voyage = "top_n" not in body.model_fields_set and ("top_k" in body.model_fields_set or "truncation" in extra)
    return RerankJob(
        query=body.query,
        passages=[
            Passage(one) if isinstance(one, str) else Passage(one.text, title=one.title or None)
            for one in body.documents
        ],
        dialect="voyage" if voyage else "rerank",
        model=body.model or None,
        top_n=body.top_k if body.top_n is None else body.top_n,
        instruction=body.instruction,
        with_text=bool(body.return_documents),
        warnings=_warnings(extra),
    )


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse)
    except (json.JSONDecodeError, _ConstantError) as error:
        reason = str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError:
        reason = "it holds a number of too many digits"
    raise InputError(f"The body is not JSON: {reason}.")


def _validated(kind: type[Body], found: Any) -> Body:
    if not isinstance(found, dict):
        raise InputError("The body is JSON, but no object.", hint='Send {"query": ..., ...}.')
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # Of `str | object` both are tried, and the branch's name stands in the place.
    place = ".".join(str(part) for part in first["loc"] if part not in ("str", "_Document"))
    said = first["msg"]
    if kind is _RerankBody and first["loc"][:1] == ("documents",) and len(first["loc"]) > 1:
        place, said = f"documents.{first['loc'][1]}", "Give a string, or an object with a string under 'text'"
    raise InputError(f"The body's {place or 'content'} is wrong: {said}.")


class _ConstantError(ValueError):
    """NaN and the like, which Python reads and JSON does not have."""


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(f"it holds {constant}")


def _warnings(extra: dict[str, Any]) -> tuple[str, ...]:
    known = [text for key, text in _WITHOUT_EFFECT.items() if extra.get(key) is not None]
    unknown = sorted(key[:40] for key in extra.keys() - _WITHOUT_EFFECT.keys() - _SILENT - {"rank_fields"})
    return (*known, *(f"{key!r} is not known here and has no effect." for key in unknown[:10]))
