"""InstructedQuery: a query bundle that says what counts as relevant, and how many nodes are kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from llama_index.core.schema import QueryBundle


@dataclass
class InstructedQuery(QueryBundle):
    """A query with an instruction, or another ``top_n``, for this one call.

    Goes wherever LlamaIndex takes a query bundle: query engines, retrievers, `postprocess_nodes`. Components
    that write queries of their own (chat engines, query transformations, sub-questions) make plain bundles
    of them, and the instruction of the config stands.

    Attributes:
        instruction: What counts as relevant; overrides the config's. A reranker of which no method takes an
            instruction refuses it; None and the empty text say nothing.
        top_n: How many nodes are kept at most; overrides the config's. None says nothing.

    Example:
        ``engine.query(InstructedQuery("Is the harbour late?", instruction="Prefer passages from audits."))``
    """

    instruction: str | None = field(default=None, kw_only=True)
    top_n: int | None = field(default=None, kw_only=True)
