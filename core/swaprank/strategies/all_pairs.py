"""Every passage against every other; all pairs are independent and travel together.

Qin et al., Large Language Models are Effective Text Rankers with Pairwise Ranking Prompting (2023).
"""

from __future__ import annotations

import itertools
from typing import ClassVar

from ..scores.ranks import descending
from ..strategy import UNREAD, Rounds, Strategy, StrategyResult


class AllPairs(Strategy):
    """Orders by the sum of what each passage scored in its pairs: n(n-1)/2 groups of two, in one round."""

    name: ClassVar[str] = "all-pairs"

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages by their total."""
        pairs = list(itertools.combinations(range(n), 2))
        totals, read = [0.0] * n, [0] * n
        if pairs:
            answers = yield list(pairs)
            for pair, scores in zip(pairs, answers, strict=True):
                for index, score in zip(pair, scores, strict=True):
                    if score != UNREAD:
                        totals[index] += score
                        read[index] += 1
            # A pair that was not answered counts as the mean of the passage's others.
            totals = [
                total if count == n - 1 else total * (n - 1) / count if count else UNREAD
                for total, count in zip(totals, read, strict=True)
            ]
        return StrategyResult(order=descending(totals), scores=totals)


STRATEGY = AllPairs
