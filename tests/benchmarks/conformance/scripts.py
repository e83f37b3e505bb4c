"""What plays the models: a judgement that any of them can make, and replies of an LLM, good and bad."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

Reply = Callable[[str], str]


def relevance(query: str, text: str) -> float:
    """The share of the query's words that the text has, with a little for its length, so that there are no ties."""
    words = set(re.findall(r"\w+", query.lower()))
    shared = len(words & set(re.findall(r"\w+", text.lower())))
    return shared / max(1, len(words)) + len(text) / 1e6


def count(prompt: str) -> int:
    """How many documents a prompt shows, in the forms of the frameworks' prompts."""
    numbers = [int(one) for one in re.findall(r"(?:^|\n)(?:Document |\[|user: \[)(\d+)", prompt)]
    return max(numbers, default=0)


def permutation(prompt: str) -> str:
    """RankGPT's form: the documents in reverse."""
    return " > ".join(f"[{place}]" for place in range(count(prompt), 0, -1))


def bad_permutation(prompt: str) -> str:
    """The same document twice, and one that there is not."""
    return "[2] > [2] > [99]"


def choices(prompt: str) -> str:
    """LLMRerank's form: every document with a number."""
    return "\n".join(f"Doc: {place}, Relevance: {place}" for place in range(1, count(prompt) + 1))


def bad_choices(prompt: str) -> str:
    """A score in words, a document twice, and one that there is not."""
    return "Doc: 1, Relevance: high\nDoc: 2, Relevance: 7\nDoc: 2, Relevance: 5\nDoc: 0, Relevance: 3"


def structured(prompt: str) -> str:
    """StructuredLLMRerank's form."""
    found = [{"document_number": place, "relevance": place} for place in range(1, count(prompt) + 1)]
    return json.dumps({"documents": found})


def bad_structured(prompt: str) -> str:
    """A document twice, and one that there is not."""
    found = [{"document_number": place, "relevance": 5} for place in (2, 2, 0)]
    return json.dumps({"documents": found})
