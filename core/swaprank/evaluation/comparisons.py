"""Which differences between rows are more than chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .result import Comparison, Row
from .significance import Test, holm, p_value


def comparisons(rows: Sequence[Row], measures: Sequence[str], test: Test, seed: int) -> list[Comparison]:
    """Every reranker against the first stage, and every other row against the best one.

    Holm's correction counts the comparisons of one measure with the first stage, and those with the best, apart.
    """
    measured = [row for row in rows if not row.error]
    found: list[Comparison] = []
    for name in measures:
        best = max(measured, key=lambda row: row.measures[name])
        rest = [row for row in measured if row is not rows[0]]
        found += _family(rest, rows[0], "first-stage", name, test, seed)
        found += _family([row for row in rest if row is not best], best, "best", name, test, seed)
    return found


def _family(rows: Iterable[Row], against: Row, role: str, name: str, test: Test, seed: int) -> list[Comparison]:
    found = []
    for row in rows:
        pairs = [
            (result.measures[name], against.queries[query].measures[name]) for query, result in row.queries.items()
        ]
        differences = [own - other for own, other in pairs]
        found.append(
            Comparison(
                row=row.name,
                against=against.name,
                role="best" if role == "best" else "first-stage",
                measure=name,
                difference=row.measures[name] - against.measures[name],
                p=p_value(differences, test, seed=seed),
                p_holm=1.0,
                test=test,
                wins=sum(one > 0 for one in differences),
                losses=sum(one < 0 for one in differences),
                ties=sum(one == 0 for one in differences),
            )
        )
    corrected = holm([one.p for one in found])
    return [one.model_copy(update={"p_holm": p}) for one, p in zip(found, corrected, strict=True)]
