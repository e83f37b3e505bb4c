"""What an evaluation keeps of one query: its text and judgements, what a row made of it, what passages say and show."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..types import Call, Failure


class _Value(BaseModel):
    """Frozen, and open to fields of later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class InnerSearch(_Value):
    """What a stage found for a question that was made of the query: a sub-question, or a rewritten query.

    Attributes:
        query: That question.
        stage: What searched or ranked for it.
        ranking: Ids of what it kept, best first.
        scores: Their scores, best first; empty where a retriever gave none.
    """

    query: str
    stage: str
    ranking: list[str]
    scores: list[float] = []


class QueryResult(_Value):
    """One query in one row.

    Attributes:
        measures: The value of each measure.
        ranking: Ids of the kept passages, best first.
        scores: Their scores, best first.
        score_kind: What the scores mean; ``"retrieval"`` for the first stage.
        seconds: Wall time of reranking, models loaded before; of queries reranked together, an equal share.
            0 for the first stage, whose search is not timed.
        calls: The model calls, in the order of the stages, each with its own seconds and tokens.
        repairs: Places of the model's output that had to be mended.
        failures: What failed and was handled by ``on_error``.
        warnings: What went as configured and is probably not what was wanted.
        reasoning: What the model said about passages, by passage id, where it said anything.
        inner: What was found for sub-questions and rewritten queries, in the order in which they were asked.
    """

    measures: dict[str, float] = {}
    ranking: list[str]
    scores: list[float]
    score_kind: str = ""
    seconds: float = 0.0
    calls: list[Call] = []
    repairs: int = 0
    failures: list[Failure] = []
    warnings: list[str] = []
    reasoning: dict[str, str] = {}
    inner: list[InnerSearch] = []


class Question(_Value):
    """A judged query.

    Attributes:
        text: What was asked.
        candidates: Ids of its candidates in the order of the first stage.
        relevance: Judged grade by passage id; those that are not named are not relevant.
    """

    text: str
    candidates: list[str]
    relevance: dict[str, int]


class PassageText(_Value):
    """What a candidate says and shows; only in results that were asked for texts or images.

    Attributes:
        text: Empty without ``--texts``.
        title: Likewise.
        images: With ``--images``, its first images as ``data:`` URLs of JPEG, at most 240 pixels wide and high.
    """

    text: str = ""
    title: str = ""
    images: list[str] = []
