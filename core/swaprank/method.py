"""The contract of a method: how a group of passages is asked about and how the answer is read."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from .errors import ResponseError
from .requests import (
    Attend,
    Attended,
    AttendFused,
    Capability,
    Embed,
    Embedded,
    EmbedImage,
    EmbedImageTokens,
    EmbedMarks,
    EmbedPrompt,
    EmbedTokens,
    Generate,
    Generated,
    GenerateFused,
    LabelLogprobs,
    LabelScores,
    Lexical,
    LexicalBlend,
    LexicalScores,
    PairScore,
    PairScored,
    PromptScore,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
    TokenEmbeddings,
    Viewed,
    Views,
)
from .scores.relevance import PUBLISHED, ScoreMap, WeighedEvidence
from .types import Passage, Query, ScoreKind


@dataclass(frozen=True, slots=True)
class GroupScores:
    """What a method read out of the answers about one group.

    Attributes:
        scores: One per passage of the group, in the group's order; higher is better.
        kind: What the scores mean.
        repairs: How many places of a malformed answer had to be filled by rule.
        reasoning: What the model said about each passage; empty when it says nothing.
        coverage: Share (0 to 1) of the text that the model's vocabulary covers, where known.
        quotes: What the model quoted of each passage, where it was asked to and the quote occurs there.
        evidence: What was found in each passage by itself, whatever the others are, by name (`Method.evidence`): one
            number per passage, in the group's order.
        explained: Share (0 to 1) of the variance of the passages' retrieval scores, or of -ln(rank) where they have
            none, that the query's words explain, where known.
        warnings: What went as configured and is probably not what was wanted.
    """

    scores: Sequence[float]
    kind: ScoreKind
    repairs: int = 0
    reasoning: Sequence[str | None] = ()
    coverage: float | None = None
    quotes: Sequence[str | None] = ()
    evidence: Mapping[str, Sequence[float]] = field(default_factory=dict)
    explained: float | None = None
    warnings: Sequence[str] = ()


Steps = Generator[list[Request], list[Response], GroupScores]


class Method(BaseModel):
    """A frozen value: the options of a way of asking, and that way itself.

    A method lives alone in ``methods/<name>.py``, which ends in ``METHOD = <the class>``. Its fields are
    the options that a config may set beside ``method:``. The class attributes say what it is:

    - ``name``: the config name, equal to the file name with hyphens.
    - ``family``: pointwise, pairwise, setwise, listwise, groupwise, embedding or lexical. What follows from it are
      the properties `scores_alone`, `groups_stand_alone`, `depends_on_order` and `scores_compare`.
    - ``needs``: the capabilities a backend must have; `required` where options decide.
    - ``backend``: the kind of backend used when the config names none.
    - ``strategy``: the strategy used when the config names none.
    - ``strategy_options``: by strategy, options that this method has other defaults for.
    - ``takes_model``: ``"required"``, ``"optional"`` or ``"never"``: whether a config says ``model:``.
    - ``source``: the paper or official code it is in parity with.

    What its scores mean say the properties `score_kinds` and `scores_absolute`, and `relevance_map`.

    A method that can be told what counts as relevant has an option ``instruction``, and reads
    `Query.instruction` before it; `takes_instruction` says so.

    `steps` is the method: a generator that yields lists of requests about the group it is given, is sent
    their responses in the same order, and returns a `GroupScores`. Most methods yield once; methods of
    several turns yield several times. It must return one finite score per passage for any response a
    backend may give, never raise on odd text, and must not depend on anything but its arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    family: ClassVar[Literal["pointwise", "pairwise", "setwise", "listwise", "groupwise", "embedding", "lexical"]]
    needs: ClassVar[frozenset[Capability]]
    backend: ClassVar[str] = "transformers"
    strategy: ClassVar[str] = "all-at-once"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    takes_model: ClassVar[Literal["required", "optional", "never"]] = "required"
    source: ClassVar[str]

    @property
    def scores_alone(self) -> bool:
        """Whether each passage of a group is scored by itself, so that one may fail without the others."""
        return self.family == "pointwise"

    @property
    def scores_each(self) -> bool:
        """Whether a passage is asked about by itself, apart from the query, however many travel together."""
        return self.family in ("pointwise", "embedding")

    @property
    def scores_depend_on_others(self) -> bool:
        """Whether a passage's score depends on which others are scored with it, so that not even batches compare."""
        return not self.scores_each

    @property
    def groups_stand_alone(self) -> bool:
        """Whether a group may fail without the others; else the scores of all passages come from one group."""
        return self.family in ("pairwise", "setwise", "listwise", "groupwise")

    @property
    def depends_on_order(self) -> bool:
        """Whether a group may be answered differently when its passages are shown in another order."""
        return self.family in ("setwise", "listwise", "groupwise")

    @property
    def scores_compare(self) -> bool:
        """Whether the scores of passages from different groups may be compared."""
        return self.family not in ("pairwise", "setwise", "listwise")

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """The kinds that the scores of a group of several passages may be of; empty where only an answer can tell.

        Limits that make no sense on them are then refused at construction, and else at the first query.
        """
        return frozenset()

    @property
    def evidence(self) -> frozenset[str]:
        """The names of `GroupScores.evidence`; most methods have none."""
        return frozenset()

    @property
    def scores_absolute(self) -> bool:
        """Whether a score means the same for every query, whatever the other passages are."""
        return self.scores_compare

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """From scores of that kind to relevance, as published; None where nothing is published."""
        return PUBLISHED.get(kind)

    @property
    def evidence_map(self) -> WeighedEvidence | None:
        """From `evidence` to relevance, for scores that are relative to their list; None where nothing is fitted."""
        return None

    @property
    def takes_instruction(self) -> bool:
        """Whether `Query.instruction` is read; a query with one is refused where it is not."""
        return "instruction" in type(self).model_fields

    @property
    def reads_images(self) -> bool:
        """Whether the method with these options reads the images of queries and passages; else it reads their text."""
        return False

    @property
    def required(self) -> frozenset[Capability]:
        """The capabilities that a backend must have for the method with these options."""
        return self.needs

    def prepared(self, query: Query, passages: Sequence[Passage]) -> Sequence[Passage]:
        """The candidates as the groups will see them: for what must be computed over the whole list first."""
        return passages

    def feedback_request(self, query: Query, passages: Sequence[Passage]) -> Request | None:
        """What asks for a query embedding that has read the best passages, for a second retrieval.

        Only methods that make one answer; for all others the query embedding is moved (`stages/feedback.py`).
        """
        return None

    def passage_embeddings(self, passages: Sequence[Passage]) -> Sequence[Request]:
        """What asks for one embedding per passage, to compare passages with one another (`stages/diversify.py`).

        Only methods that embed each passage alone make them; none for all others.
        """
        return ()

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """Ask about one group of passages and read the answers."""
        raise NotImplementedError


R = TypeVar("R", bound=Response)
Responses = Generator[list[Request], list[Response], list[R]]
"""Part of `Method.steps` that asks once: ``replies = yield from generate(requests)``."""


def generate(requests: Sequence[Generate | GenerateFused]) -> Responses[Generated]:
    """Have each prompt continued; no request asks nothing. All helpers below are the same for their kind.

    Example:
        >>> steps = generate([Generate("1, 2,", max_tokens=1)])  # in a method: [reply] = yield from generate([...])
        >>> [request] = next(steps)
        >>> try:
        ...     steps.send([Generated(" 3")])
        ... except StopIteration as end:
        ...     end.value[0].text
        ' 3'

    Raises:
        ResponseError: What came back is not one `Generated` per request.
    """
    return _ask(requests, Generated)


def label_scores(requests: Sequence[LabelLogprobs]) -> Responses[LabelScores]:
    """Score the labels of each prompt."""
    return _ask(requests, LabelScores)


def sequence_scores(requests: Sequence[SequenceLogprob]) -> Responses[SequenceScore]:
    """Score the continuation of each prompt."""
    return _ask(requests, SequenceScore)


def pair_scores(requests: Sequence[PairScore | PromptScore]) -> Responses[PairScored]:
    """Score each pair of query and passage."""
    return _ask(requests, PairScored)


def embeddings(requests: Sequence[Embed | EmbedImage | EmbedPrompt]) -> Responses[Embedded]:
    """Embed each text, image or prompt."""
    return _ask(requests, Embedded)


def token_embeddings(requests: Sequence[EmbedTokens | EmbedImageTokens | EmbedMarks]) -> Responses[TokenEmbeddings]:
    """Embed the tokens of each text or image, or the marked ones of each prompt."""
    return _ask(requests, TokenEmbeddings)


def views(requests: Sequence[Views]) -> Responses[Viewed]:
    """View vectors and anchors for each list of prompts."""
    return _ask(requests, Viewed)


def attention(requests: Sequence[Attend | AttendFused]) -> Responses[Attended]:
    """Measure the attention that each context, or each list of prompts, receives."""
    return _ask(requests, Attended)


def lexical_scores(requests: Sequence[Lexical | LexicalBlend]) -> Responses[LexicalScores]:
    """Score each list of passages by its words."""
    return _ask(requests, LexicalScores)


def responses_of(kind: type[R], responses: Sequence[object]) -> list[R]:
    """The responses, all of them of one kind.

    Raises:
        ResponseError: One is of another kind.
    """
    typed = [response for response in responses if isinstance(response, kind)]
    if len(typed) < len(responses):
        kinds = sorted({type(response).__name__ for response in responses} - {kind.__name__})
        raise ResponseError(f"The method expects {kind.__name__} responses and got {', '.join(kinds)}.")
    return typed


def _ask(requests: Sequence[Request], kind: type[R]) -> Responses[R]:
    if not requests:
        return []
    responses = responses_of(kind, (yield list(requests)))
    if len(responses) != len(requests):
        raise ResponseError(f"The method asked {len(requests)} questions and got {len(responses)} responses.")
    return responses
