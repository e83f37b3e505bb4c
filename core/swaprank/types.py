"""What goes in and what comes out: frozen values shared by the core and both adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import InputError
from .images import Image, as_images
from .trace import Call as Call
from .trace import Failure as Failure
from .trace import Trace as Trace


class ScoreKind(StrEnum):
    """What a score means, so that a threshold or a normalisation is never applied to the wrong thing."""

    LOGIT = "logit"
    PROBABILITY = "probability"
    COSINE = "cosine"
    DOT = "dot"
    BM25 = "bm25"
    RANK = "rank"
    FUSED = "fused"
    RETRIEVAL = "retrieval"
    OTHER = "other"


def readable(text: str) -> str:
    """The text with a replacement character for each lone half of a surrogate pair.

    Halves come from text that was cut or decoded wrongly, and no tokenizer takes them: one of them would cost
    the whole candidate list.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return text


@dataclass(frozen=True, slots=True)
class Decomposed:
    """A question taken apart.

    Attributes:
        sub_questions: Its parts; none for a question that asks for a single fact.
        k: How many candidates a retriever brings for each.
        found: For the question and then for each part, the candidates (as positions) that were retrieved for it,
            best first; empty when nothing was retrieved yet.
        repairs: 1 when the LLM's answer was malformed and the question stands for itself.
        calls: The LLM call.
    """

    sub_questions: tuple[str, ...]
    k: int = 10
    found: tuple[tuple[int, ...], ...] = ()
    repairs: int = 0
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A query, optionally with what a framework already knows about it.

    Attributes:
        text: The question or search string.
        embedding: Its embedding if one was computed before, from the same model as the passages'.
        instruction: What counts as relevant; overrides the config's. Refused by rerankers of which no method
            takes one; those that do have an option ``instruction``.
        decomposed: Its parts, where they are known before; else a decomposition stage asks its LLM.
        images: What it shows beside the text, or in its place; paths, bytes, URLs and PIL images become `Image`.
        retrieved: Whether the passages were retrieved for this text. Their retrieval scores and their order say nothing
            of another one, such as a part of the question or what it was rewritten to.
    """

    text: str
    embedding: Sequence[float] | None = None
    instruction: str | None = None
    decomposed: Decomposed | None = None
    images: tuple[Image, ...] = ()
    retrieved: bool = True

    def __post_init__(self) -> None:
        """Whatever stands for an image becomes one."""
        if self.images:
            object.__setattr__(self, "images", as_images(self.images))


@dataclass(frozen=True, slots=True)
class Passage:
    """A candidate passage.

    Attributes:
        text: The passage itself; may be empty (it is then ranked last).
        id: The user's identifier, kept as it is; an int will do.
        title: Put before the text when the passage is shown to a model (see `content`).
        score: The first-stage retrieval score, higher is better; None when unknown, and NaN counts as that.
        metadata: Anything else; never read by a method, always handed back.
        embedding: A stored passage embedding, for methods that can reuse one.
        images: Pages, photos or figures, which belong to the text or stand in its place; paths, bytes, URLs and PIL
            images become `Image`. Only methods that read images read them.
    """

    text: str
    id: str | None = None
    title: str | None = None
    score: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    embedding: Sequence[float] | None = None
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        """Whatever stands for an image becomes one."""
        if self.images:
            object.__setattr__(self, "images", as_images(self.images))

    @property
    def content(self) -> str:
        """The text a model sees: title, one space, text (the BEIR convention), made `readable`."""
        return readable(f"{self.title} {self.text}" if self.title else self.text)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but white space to read, and no image."""
        return not self.images and self.has_no_text

    @property
    def has_no_text(self) -> bool:
        """Whether the text is nothing but white space."""
        return not self.content.strip()


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A repository of the hub whose files are in the cache.

    Attributes:
        model: The hub id, as the config names it.
        commit: The commit that is loaded.
        path: The folder of its files.
        size: Bytes of the files that the model needs; 0 where the hub was not asked.
        fetched: Bytes of those that were not in the cache before.
    """

    model: str
    commit: str
    path: str
    size: int
    fetched: int


@dataclass(frozen=True, slots=True)
class Highlight:
    """A part of a long passage that its score comes from.

    Attributes:
        start: Where it begins in `Passage.text`, in characters.
        end: Where it ends; ``passage.text[start:end]`` is `text`.
        text: What it says.
        score: The model's score of it, of the kind `Ranking.score_kind` unless a fusion or `normalize` changed that.
    """

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage at its new place.

    Attributes:
        index: Position in the list that was handed in.
        passage: The very passage that was handed in.
        score: The new score, higher is better, of the kind `Ranking.score_kind`.
        rank: 1 for the best.
        relevance: From 0 to 1, which means the same for every query (docs/scores.md); None where the reranker has no
            map to it, and for passages that a failure left unread.
        reasoning: What the model said about it, where the method produces text.
        sub_questions: The sub-questions that it was found for, where the question was decomposed.
        quote: What the model quoted of it as the reason, where the method was asked to (``attribution: true``); it
            occurs in the passage, white space aside.
        highlights: Under ``long_passages``, the best part of a passage that was read in several: the best chunk, or
            the key sentences, most important first.
    """

    index: int
    passage: Passage
    score: float
    rank: int
    reasoning: str | None = None
    sub_questions: tuple[str, ...] = ()
    relevance: float | None = None
    quote: str | None = None
    highlights: tuple[Highlight, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to one query; as a sequence it is its `passages`.

    Attributes:
        query: The query text.
        passages: The kept passages, best first.
        scores: One score per passage that was handed in, in input order, also for those cut off.
        score_kind: What the scores mean.
        repairs: How many places of the model's output had to be mended into a permutation.
        calls: The model calls made, in order.
        failures: What failed and was handled; empty when all went well.
        coverage: Share (0 to 1) of the text that the model's vocabulary covers, where it is known.
        explained: Share (0 to 1) of the variance of the passages' retrieval scores, or of -ln(rank) where they have
            none, that the query's words explain, where it is known: about 1 behind BM25, less behind neural retrievers.
        emphasis: By how much a fusion by evidence multiplies the weight of these scores, 1 or more.
        relevance: One per passage that was handed in, in input order, from 0 to 1; None where it is not known, as for
            passages that an earlier stage of a cascade has dropped.
        evidence: What methods found in each passage by itself, by name: one number per passage that was handed in.
        rewritten_query: What the question was rewritten to; None where it was not.
        warnings: What went as configured and is probably not what was wanted, such as that many passages were cut,
            or that a fusion had no retrieval scores.
        unscored: Input indices of the passages that were not scored because a ``budget`` was used up, in the order in
            which they stand behind the others.
        stage: What was done, stage by stage; `trace` gives it, and comparisons of rankings leave it out.
    """

    query: str
    passages: list[RankedPassage]
    scores: list[float]
    score_kind: ScoreKind
    repairs: int = 0
    calls: list[Call] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    coverage: float | None = None
    explained: float | None = None
    emphasis: float = 1.0
    relevance: list[float | None] = field(default_factory=list)
    evidence: dict[str, list[float | None]] = field(default_factory=dict)
    rewritten_query: str | None = None
    warnings: list[str] = field(default_factory=list)
    unscored: list[int] = field(default_factory=list)
    stage: Trace | None = field(default=None, compare=False, repr=False)

    def __iter__(self) -> Iterator[RankedPassage]:
        return iter(self.passages)

    def __len__(self) -> int:
        return len(self.passages)

    def __getitem__(self, place: int) -> RankedPassage:
        """The passage at a place, from 0."""
        return self.passages[place]

    def trace(self) -> Trace:
        """What was done, stage by stage: candidates in and out, scores, times, calls, and what went wrong.

        ``print(ranking.trace())`` shows it as a tree, a notebook as a table, and ``to_dict()`` is for JSON. It holds no
        passages; sub-questions and rewritten queries stand in it.

        Raises:
            InputError: The ranking was made by hand and not by a reranker.
        """
        if self.stage is None:
            raise InputError("This ranking was not made by a reranker, and has no trace.")
        return self.stage

    @property
    def order(self) -> list[int]:
        """Input indices of the kept passages, best first."""
        return [ranked.index for ranked in self.passages]
