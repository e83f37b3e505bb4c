"""Which sentences of a passage matter for a query: those close to it, and those that state something.

After Sheng et al., Article Reranking by Memory-Enhanced Key Sentence Matching for Detecting Previously Fact-Checked
Claims (MTM), ACL 2021 (https://aclanthology.org/2021.acl-long.425): sentences are chosen by closeness to the query,
weighted 0.6, and by pattern, weighted 0.4; each of them is matched with the query, and the weighted sum of that is the
match of the article. No weights were published, so this is no reproduction: closeness is that of the embedded default
instead of a ROUGE-guided encoder, and the patterns are fixed (definitions, figures, headings) instead of clusters in a
memory, which are those of fact-checking articles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...requests import Embed, Embedded, LexicalBlend, LexicalScores, Request, Response
from ...scores.trust import coverage_trust

QUERY_WEIGHT, PATTERN_WEIGHT = 0.6, 0.4
MOST = 5

_DEFINITION = re.compile(
    r"\b(?:is|are|was|were) (?:an?|the|any|one)\b|\b(?:refers? to|defined as|is called|known as|stands for|means|"
    r"est une?|sont des|désigne|signifie|ist eine?|sind|bezeichnet|bedeutet|es una?|son|significa|é uma?)\b"
    r"|(?:^|\s)(?:هو|هي|هم|يُعرَّف|يعرف|تعرف|يعني|تعني)\s|是指|称为|是一种|とは|のことである|है[।\s]|कहते हैं",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_ASKS_FIGURE = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|big|often|high)\b|\bwhen\b|\bwhat (?:year|date|time|percent)|\bcombien\b|"
    r"\bquand\b|\bwie ?viele?\b|\bwann\b|\bcu[áa]nt[oa]s?\b|\bcu[áa]ndo\b|كم|متى|多少|几|何時|いつ|いくつ|कितन|कब",
    re.IGNORECASE,
)
_LONGEST_HEADING = 80


def pattern(query: str, sentence: str) -> float:
    """How much a sentence looks like one that states something, 0 to 1.

    Args:
        query: Figures count double where it asks for one.
        sentence: Definitions and figures count a half each, a heading a quarter.
    """
    found = 0.5 if _DEFINITION.search(sentence) else 0.0
    if _FIGURE.search(sentence):
        found += 1.0 if _ASKS_FIGURE.search(query) else 0.5
    if sentence.startswith("#") or (len(sentence) <= _LONGEST_HEADING and sentence[-1:].isalpha()):
        found += 0.25
    return min(found, 1.0)


def closeness_requests(query: str, sentences: Sequence[str]) -> list[Request]:
    """What the embedded backend is asked about all sentences of a query's passages; nothing for no sentences."""
    if not sentences:
        return []
    embeds = [Embed(query, "query"), *(Embed(sentence, "passage") for sentence in sentences)]
    return [LexicalBlend(query, tuple(sentences), pairs=0.5, grams=0.5), *embeds]


def closeness(responses: Sequence[Response]) -> tuple[list[float], list[float], float]:
    """The answers to `closeness_requests`: lexical scores, cosines, and how far the cosines are to be believed."""
    [lexical] = [one for one in responses if isinstance(one, LexicalScores)]
    query, *sentences = [one for one in responses if isinstance(one, Embedded)]
    known = [one.coverage for one in sentences if one.coverage is not None]
    sides = [sum(known) / len(known) if known else None, query.coverage]
    trust = min(coverage_trust(side) for side in sides)
    matrix = np.asarray([one.vector for one in (query, *sentences)], dtype=np.float64)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    return list(lexical.scores), [float(value) for value in unit[1:] @ unit[0]], trust


def chosen(
    lexical: Sequence[float], cosine: Sequence[float], trust: float, patterns: Sequence[float], k: int
) -> list[tuple[int, float]]:
    """The key sentences of one passage, most important first, and their weights, which sum to 1.

    Args:
        lexical: How much each sentence shares with the query.
        cosine: How similar it is.
        trust: What the similarity counts beside a lexical match of weight 1.
        patterns: The `pattern` of each.
        k: How many sentences.
    """
    near = [
        (words + trust * likeness) / (1.0 + trust)
        for words, likeness in zip(_scaled(lexical), _scaled(cosine), strict=True)
    ]
    importance = [
        QUERY_WEIGHT * distance + PATTERN_WEIGHT * stated for distance, stated in zip(near, patterns, strict=True)
    ]
    best = sorted(range(len(importance)), key=lambda place: (-importance[place], place))[:k]
    whole = sum(importance[place] for place in best)
    return [(place, importance[place] / whole if whole > 0 else 1.0 / len(best)) for place in best]


def _scaled(values: Sequence[float]) -> list[float]:
    """From 0 to 1 over the sentences of a passage, as in the paper; 0 where all are equal."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]
