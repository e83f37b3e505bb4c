"""JudgeRank: analyse the query, analyse each document for it, then judge with yes or no.

Paper: https://arxiv.org/abs/2411.00142. Neither code nor prompts could be read: the three steps are the paper's, the
wording of the templates is ours. If you have the published prompts, put them into the three options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, generate, label_scores
from ..prompt import Slot, fill, user
from ..requests import Capability, Generate, Generated, LabelLogprobs
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind
from ._logit_margin import margins

QUERY_ANALYSIS = """\
You will be given a query. Work out what it asks for.

Query:
{query}

1. Read every sentence of the query and state the core problem it poses.
2. Do not answer the query.

Query analysis:"""

DOCUMENT_ANALYSIS = """\
You will be given a query, an analysis of the query and a document. Find out which parts of the document matter for \
the query.

Query:
{query}

Query analysis:
{query_analysis}

Document:
{document}

1. Quote every sentence of the document that helps to answer or address the query.
2. Explain briefly how each quoted sentence helps. If no sentence helps, say so.

Document analysis:"""

JUDGEMENT = """\
You will be given a query, an analysis of the query, a document and an analysis of the document. Judge whether the \
document is relevant to the query.

Query:
{query}

Query analysis:
{query_analysis}

Document:
{document}

Document analysis:
{document_analysis}

Is the document relevant to the query? Answer with one word, Yes or No."""

_NOTHING = "none"


class JudgeRank(Method):
    """Score = probability of Yes among Yes and No, after both analyses.

    Takes 1 + 2 n calls for n passages. The paper adds the first stage as 100 * score + BM25, because yes
    and no saturate. An analysis that says nothing is judged all the same, and counted as a repair.

    Attributes:
        query_analysis_template: First prompt, with ``{query}``.
        document_analysis_template: Second prompt, also with ``{query_analysis}`` and ``{document}``.
        judgement_template: Third prompt, also with ``{document_analysis}``.
        truncate_length: Most tokens of the document in the second and third prompt; None for no cut but
            the model's context.
        max_tokens: Most tokens of an analysis.
    """

    name: ClassVar[str] = "judgerank"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT, Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "arXiv 2411.00142 (paper); wording of the prompts is ours"

    query_analysis_template: str = QUERY_ANALYSIS
    document_analysis_template: str = DOCUMENT_ANALYSIS
    judgement_template: str = JUDGEMENT
    truncate_length: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=1024, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities."""
        return frozenset({ScoreKind.PROBABILITY})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """The query analysis once, then one analysis and one judgement per passage."""
        slots = {"query": Slot(query.text)}
        [query_analysis] = yield from generate([self._analysis(self.query_analysis_template, slots)])
        slots["query_analysis"] = Slot(clean(query_analysis))
        filled = [{**slots, "document": self._document(passage)} for passage in passages]
        replies = yield from generate([self._analysis(self.document_analysis_template, own) for own in filled])
        analyses = [clean(reply) for reply in replies]
        judgements = yield from label_scores(
            [
                self._judgement({**own, "document_analysis": Slot(analysis)})
                for own, analysis in zip(filled, analyses, strict=True)
            ]
        )
        scores = [sigmoid(margin) for margin in margins(judgements)]
        repairs = sum(says_nothing(answer) for answer in (query_analysis, *replies))
        return GroupScores(scores=scores, kind=ScoreKind.PROBABILITY, repairs=repairs, reasoning=analyses)

    def _analysis(self, template: str, slots: dict[str, Slot]) -> Generate:
        return Generate(user(*fill(template, slots), thinking=False), self.max_tokens)

    def _judgement(self, slots: dict[str, Slot]) -> LabelLogprobs:
        return LabelLogprobs(user(*fill(self.judgement_template, slots), thinking=False), ("Yes", "No"))

    def _document(self, passage: Passage) -> Slot:
        return Slot(passage.content, max_tokens=self.truncate_length, shrinks=True)


def clean(reply: Generated) -> str:
    """What an analysis says after any thinking; ``none`` when it is empty."""
    return reply.text.rpartition("</think>")[2].strip() or _NOTHING


def says_nothing(reply: Generated) -> bool:
    """Whether an analysis is absurd: endless thinking, no letter or digit, or one letter or word over and over."""
    _, closed, analysis = reply.text.rpartition("</think>")
    if not closed and analysis.lstrip().startswith("<think>"):
        return True
    characters = [character for character in analysis if character.isalnum()]
    words = analysis.split()
    return (
        not characters
        or (len(characters) > 1 and len(set(characters)) == 1)
        or (len(words) > 1 and len(set(words)) == 1)
    )


METHOD = JudgeRank
