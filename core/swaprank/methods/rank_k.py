"""Rank-K: a 32B reasoning model thinks about a window, then writes its order, with ``=`` between equals.

Yang et al., Rank-K: Test-Time Reasoning for Listwise Reranking (2025), arXiv 2505.14432. Prompt and parser of
hltcoe/rank-k, `rerank.py` (MIT, https://github.com/hltcoe/rank-k). Passages are shown as they are. Passages that the
reply calls equal take the order in which it names them, as in the official code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from ..prompt import Chat, Message, Slot, fill
from ..replies.parts import after_thinking
from ..replies.permutation import Permutation, Reader, completed
from ..types import Passage, Query
from ._permutation_generation import PermutationGeneration

# The blanks at the ends of lines and the outer line breaks are those of the official code.
_PROMPT = (
    "\nDetermine a ranking of the passages based on how relevant they are to the query. \n"
    "If the query is a question, how relevant a passage is depends on how well it answers the question. \n"
    "If not, try analyze the intent of the query and assess how well each passage satisfy the intent. \n"
    "The query may have typos and passages may contain contradicting information. \n"
    "However, we do not get into fact-checking. We just rank the passages based on they relevancy to the query. \n\n"
    "Sort them from the most relevant to the least. \n"
    "Answer with the passage number using a format of `[3] > [2] > [4] = [1] > [5]`. \n"
    "Ties are acceptable if they are equally relevant. \n"
    "I need you to be accurate but overthinking it is unnecessary.\n"
    "Output only the ordering without any other text.\n\n"
    "Query: {query}\n\n"
)
_BETWEEN, _END = "\n\n", "\n"


class RankK(PermutationGeneration):
    """Listwise reranking by a model that reasons first and may call passages equal.

    Attributes:
        truncate_doc_to: Most tokens of a passage; None shows it whole. Officially None, and 450 in the README.
        max_tokens: Most tokens of a reply, thinking included. Officially 4,000, and 8,000 in the README.
        temperature: 0 decodes greedily. Officially 0.7, and 0.5 in the README.
    """

    name: ClassVar[str] = "rank-k"
    source: ClassVar[str] = "hltcoe/rank-k (MIT), https://github.com/hltcoe/rank-k"
    reader: ClassVar[Reader] = Reader(brackets="prefer")

    truncate_doc_to: int | None = Field(default=450, ge=1)
    max_tokens: int | None = Field(default=8000, ge=1)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """One turn of the user."""
        content = [*fill(_PROMPT, {"query": Slot(query.text)})]
        for number, passage in enumerate(passages, start=1):
            slot = Slot(passage.content, max_tokens=self.truncate_doc_to, shrinks=True)
            content += [f"[{number}] ", slot, _BETWEEN if number < len(passages) else _END]
        return Chat((Message("user", tuple(content)),))

    def read(self, text: str, n: int) -> Permutation:
        """The last line that ranks passages, or the whole answer where none does.

        Officially it is the last line of the reply, up to the first identifier that was named before.
        """
        if self.official_parser:
            named = list(_official_places(text.strip().rpartition("\n")[2], n))
            return completed(named, n, len(named))
        answer = after_thinking(text)
        ranked = [line for line in answer.splitlines() if "[" in line and ">" in line]
        return self.reader.read(ranked[-1] if ranked else answer, n)


def _official_places(line: str, n: int) -> Iterator[int]:
    """The places that a line names, read as the official code does: 0 is the last passage, -1 the one before."""
    seen = set()
    for part in line.replace("=", ">").split(">"):
        try:
            place = int(part.strip().replace("[", "").replace("]", "")) - 1
        except ValueError:
            continue
        if not -n <= place < n:
            continue
        if place % n in seen:
            return
        seen.add(place % n)
        yield place % n


METHOD = RankK
