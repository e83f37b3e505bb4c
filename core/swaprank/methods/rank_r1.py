"""Rank-R1: setwise picks by a model that was trained to reason first.

Zhuang et al., Rank-R1: Enhancing Reasoning in LLM-based Document Rerankers via Reinforcement Learning (2025). Prompts
and parser of ielab/llm-rankers, `Rank-R1/prompts/*.toml` and `run_setwise.py` (Apache-2.0,
https://github.com/ielab/llm-rankers). Passages are shown as they are. The official code shuffles every set; here a
set is shown in order, and ``permutations`` asks about shuffled copies too and takes the vote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, generate
from ..prompt import Chat, Message, Slot, fill
from ..replies.parts import tagged, thinking, thought_and_answered
from ..requests import Capability, Generate
from ..types import Passage, Query, ScoreKind

_SYSTEM = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. {how}"
_SYSTEM_R1 = _SYSTEM.format(
    how="The assistant first thinks about the reasoning process in the mind and then provides the user with the "
    "answer. The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, "
    "respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>."
)
_SYSTEM_PLAIN = _SYSTEM.format(
    how="The assistant provides the user with the answer enclosed within <answer> </answer> tags, "
    "i.e., <answer> answer here </answer>."
)
_QUESTION = (
    'Given the query: "{query}", which of the following documents is most relevant?\n{docs}\n{first} provide only the '
    "label of the most relevant document to the query, enclosed in square brackets, within the answer tags. "
    "For example, if the third document is the most relevant, the answer should be: {example}."
)
_USER_R1 = _QUESTION.replace("{first}", "After completing the reasoning process, please").replace(
    "{example}", "<think> reasoning process here </think> <answer>[3]</answer>"
)
_USER_PLAIN = _QUESTION.replace("{first}", "Please").replace("{example}", "<answer>[3]</answer>")
_SYSTEM_V02 = (
    "You are RankLLM, an intelligent assistant capable of evaluating the relevancy of passages to a given query."
)
_USER_V02 = (
    "You will be presented with a query, and a set of documents.\n\n"
    "Your task consists of the following step:\n\n"
    "1. Analyze the query: Carefully read the query and identify the core problem or question being asked.\n\n"
    "2. Analyze the documents: Thoroughly examine each document and briefly explain how each document is relevant or "
    "not relevant to the query.\n\n"
    "3. Find the most relevant document: Based on your analysis, select the most relevant document to the query from "
    "the set and briefly explain why.\n\n"
    "Important: Provide your analysis within the <think> </think> tags and answer only the label of the most relevant "
    "document, enclosed in square brackets, within the <answer> </answer> tags. For example, if the third document is "
    "the most relevant, your response should be:\n"
    "<think> Your analysis here </think>\n<answer>[3]</answer>\n\n"
    "Here is the query: {query}\n\nHere are the documents:\n{docs}"
)
# System, user, what stands before a document, what separates documents. The models v0.1 and Setwise-SFT were trained on
# ``[1] text`` (create_dataset.py, create_dataset_sft.py); run_setwise.py writes ``[1]: text``, which is v0.2's form.
_PROMPTS = {
    "setwise-R1": (_SYSTEM_R1, _USER_R1, "[{number}] ", "\n"),
    "setwise-R1-v0.2": (_SYSTEM_V02, _USER_V02, "[{number}]: ", "\n\n"),
    "setwise": (_SYSTEM_PLAIN, _USER_PLAIN, "[{number}] ", "\n"),
}
_LABEL = re.compile(r"\[([0-9]{1,9})\]")


class RankR1(Method):
    """Picks from sets of up to 20 documents, after thinking.

    Attributes:
        prompt_file: Which of the official templates: ``"setwise-R1"`` (models v0.1), ``"setwise-R1-v0.2"``, or
            ``"setwise"`` without thinking (models Setwise-SFT).
        max_tokens: Most tokens of a reply, thinking included.
        query_length: Most tokens of the query; None for all of it. The README's runs on TREC DL cut at 32.
        passage_length: Most tokens of a document; None for all of it. The README's runs on TREC DL cut at 512.
    """

    name: ClassVar[str] = "rank-r1"
    family: ClassVar[Literal["setwise"]] = "setwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})
    strategy: ClassVar[str] = "heap-sort"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "heap-sort": {"num_child": 19},
        "bubble-sort": {"num_child": 19},
    }
    source: ClassVar[str] = "ielab/llm-rankers Rank-R1 (Apache-2.0), https://github.com/ielab/llm-rankers"

    prompt_file: Literal["setwise-R1", "setwise-R1-v0.2", "setwise"] = "setwise-R1"
    max_tokens: int = Field(default=8000, ge=1)
    query_length: int | None = Field(default=None, ge=1)
    passage_length: int | None = Field(default=None, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Ranks."""
        return frozenset({ScoreKind.RANK})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt per set. Without a pick in the reply the first document stays, in a heap the parent."""
        n = len(passages)
        if n == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        [reply] = yield from generate([Generate(self._prompt(query, passages), self.max_tokens)])
        place = self._choice(reply.text, n)
        reasoning: list[str | None] = [None] * n
        reasoning[place or 0] = thinking(reply.text)
        return GroupScores(
            scores=[float(one == place) for one in range(n)],
            kind=ScoreKind.RANK,
            repairs=int(place is None),
            reasoning=reasoning,
        )

    def _prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        system, user, prefix, separator = _PROMPTS[self.prompt_file]
        before, after = user.split("{docs}")
        documents: list[str | Slot] = []
        for number, passage in enumerate(passages, start=1):
            label = (separator if number > 1 else "") + prefix.format(number=number)
            documents += [label, Slot(passage.content, max_tokens=self.passage_length, shrinks=True)]
        known: dict[str, str | Slot] = {"query": Slot(query.text, max_tokens=self.query_length)}
        content = (*fill(before, known), *documents, *fill(after, known))
        return Chat((Message("system", system), Message("user", content)))

    def _choice(self, text: str, n: int) -> int | None:
        """The place that the answer names; the answer must be ``[i]`` and nothing else."""
        text = text.lower()
        answer = tagged(text, "answer") if self.prompt_file == "setwise" else thought_and_answered(text)
        found = _LABEL.fullmatch((answer or "").strip())
        place = int(found[1]) - 1 if found else -1
        return place if 0 <= place < n else None


METHOD = RankR1
