"""From what a call of a reranker hands in to checked flows of its stage."""

from __future__ import annotations

from collections.abc import Iterable

from .config import registry
from .errors import ConfigError, InputError
from .flow.flow import Flow
from .inputs import as_list, checked_passages, checked_query, checked_top_n
from .stages.decomposition import Decomposition
from .stages.stage import Stage
from .types import Passage, Query, Ranking


def one_call(
    stage: Stage,
    query: str | Query,
    passages: Iterable[str | Passage],
    instruction: str | None = None,
    top_n: int | None = None,
    *,
    name: str = "passages",
) -> Flow[Ranking]:
    """The flow of one query.

    Args:
        stage: The whole of a reranker.
        query: As it was handed in.
        passages: Likewise.
        instruction: What counts as relevant in this call; None leaves the query's own.
        top_n: How many passages this call keeps at most; None for as many as the config says.
        name: What messages call the passages.

    Raises:
        InputError: One of them is wrong, or no method takes the instruction.
    """
    stage = _keeping(stage, top_n)
    query = checked_query(query, instruction)
    if query.instruction and not stage.ranker.takes_instruction:
        raise InputError(
            f"{stage.name!r} takes no instruction, and one is given: {query.instruction[:60]!r}.",
            hint=f"Methods that take one: {_instructed()}.",
        )
    return stage.flow(query, checked_passages(passages, name), None)


def many_calls(
    stage: Stage, queries: Iterable[str | Query], passages: Iterable[Iterable[str | Passage]], top_n: int | None
) -> list[Flow[Ranking]]:
    """The flows of many queries, one list of passages each.

    Raises:
        InputError: Not as many lists as queries, or as in `one_call`.
    """
    queries, lists = as_list(queries, "queries"), as_list(passages, "passages")
    if len(queries) != len(lists):
        raise InputError(
            f"rerank_many got {len(queries)} queries and {len(lists)} passage lists.",
            hint="Give one list of passages per query.",
        )
    stage = _keeping(stage, top_n)
    return [
        one_call(stage, query, each, name=f"passages[{place}]")
        for place, (query, each) in enumerate(zip(queries, lists, strict=True))
    ]


def decomposition_of(stage: Stage) -> Decomposition:
    """What splits questions.

    Raises:
        ConfigError: Nothing does.
    """
    if isinstance(stage.ranker, Decomposition):
        return stage.ranker
    raise ConfigError(
        f"The reranker {stage.name!r} decomposes nothing.", hint="Its config needs the key 'decomposition'."
    )


def _keeping(stage: Stage, top_n: int | None) -> Stage:
    """The stage, with another `top_n` where one is given."""
    return stage if top_n is None else stage.keeping(checked_top_n(top_n))


def _instructed() -> str:
    """Which methods take an instruction, for a hint."""
    methods = {name: registry.method(name) for name in registry.names("method")}
    aware = {name: method.model_construct() for name, method in methods.items() if "instruction" in method.model_fields}
    always = ", ".join(name for name, method in aware.items() if method.takes_instruction)
    by_config = ", ".join(name for name, method in aware.items() if not method.takes_instruction)
    return f"{always}; and {by_config} with an 'instruction' in the config"
