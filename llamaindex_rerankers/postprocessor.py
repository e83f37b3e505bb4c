"""Reranker: a node postprocessor for every reranker a swaprank config can describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from operator import index
from typing import Annotated, Any, ClassVar, Self

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, PlainSerializer

from swaprank import ConfigError, InputError, Passage, Query, Ranking
from swaprank import Reranker as CoreReranker
from swaprank.adapters import (
    RETRIEVAL_SCORE,
    SCORE_KIND,
    AdapterReranker,
    OnRanking,
    Source,
    Steps,
    arun,
    checked_candidates,
    run,
    shown,
    step,
)
from swaprank.errors import nearest

from .events import ReRankUsageEvent
from .images import images_of_node, images_of_query, without_image_data
from .llm import Provider
from .node_content import content, with_metadata
from .query import InstructedQuery

dispatcher = get_dispatcher(__name__)

# Either key tells that the score of a node is a reranker's, not the retriever's.
_SCORED = frozenset({RETRIEVAL_SCORE, SCORE_KIND})

_QUERY_HINT = "Pass query_str='...' or query_bundle=QueryBundle('...') to postprocess_nodes."

# Dumps hold plain text, so that they can also be written as safe YAML.
_Mode = Annotated[MetadataMode, PlainSerializer(lambda mode: mode.value, return_type=str)]


class Reranker(AdapterReranker, BaseNodePostprocessor):
    """Reorders nodes as a swaprank config says.

    Takes what `swaprank.Reranker` takes, in the same words: the name of a recipe, a path, a mapping, or
    nothing for the embedded default, and any key of the config as a keyword.

    The returned nodes are copies with the new score; the nodes handed in stay as they are. The score they
    came with is kept as metadata ``retrieval_score`` (one that an earlier reranker left there stays), and
    the kind of the new one as ``rerank_score_kind``. ``rerank_relevance`` is from 0 to 1 and means the same for
    every query; it is there where the scores have a map to it (docs/scores.md). Failures that ``on_error``
    dealt with are added as ``rerank_failures``, and a model's reasoning as ``rerank_reasoning`` if you ask for
    it. These keys are excluded from the text that embedding models and LLMs see.

    The images of `ImageNode`, `ImageDocument` and `Node`, and of a query's ``image_path``, are read by methods that
    read images (docs/images.md); the warnings of all others say that they were not read.

    A query may bring its own instruction for instruction-aware methods, and its own ``top_n``: see `InstructedQuery`.
    `postprocess_nodes` also takes ``top_n=`` itself.

    Args:
        reranker: Recipe name, path, mapping, a ready `swaprank.Reranker`, or None.
        metadata_mode: Which metadata the reranker reads with the text: ``"none"`` (default: passages
            look as the published models saw them), ``"embed"``, ``"llm"`` or ``"all"``.
        include_reasoning: Write what the model said about each node into its metadata; it can be long.
        on_ranking: Called with the whole `swaprank.Ranking` of each query: calls, tokens, repairs. Runs in
            the caller's thread or event loop; what it raises ends the query.
        llm: The LLM of the method or decomposition, in place of a backend; part of no dump. A config that says
            ``backend: llm`` without one means `Settings.llm`.
        callback_manager: LlamaIndex's; engines set their own when they take the postprocessor.
        options: Keys of the config, such as ``top_n=5``, or a ready ``backend=`` object.

    Raises:
        swaprank.ConfigError: An unknown key or impossible value, or options beside a ready
            `swaprank.Reranker`; nothing is loaded before the first use.

    Example:
        ``index.as_query_engine(similarity_top_k=50, node_postprocessors=[Reranker("ara-reranker-v1", top_n=5)])``
    """

    metadata_mode: _Mode = Field(default=MetadataMode.NONE, frozen=True)

    _unpickled: ClassVar[frozenset[str]] = AdapterReranker._unpickled | {"callback_manager"}

    def __init__(
        self,
        reranker: Source | CoreReranker = None,
        /,
        *,
        config: Mapping[str, Any] | None = None,
        llm: LLM | None = None,
        metadata_mode: MetadataMode | str = MetadataMode.NONE,
        include_reasoning: bool = False,
        on_ranking: OnRanking | None = None,
        callback_manager: CallbackManager | None = None,
        **options: Any,
    ) -> None:
        # Dumps carry the class name, and pydantic hands a whole dump to __init__.
        options.pop("class_name", None)
        own = {
            "metadata_mode": _mode(metadata_mode),
            "include_reasoning": include_reasoning,
            "on_ranking": on_ranking,
            **({} if callback_manager is None else {"callback_manager": callback_manager}),
        }
        super().__init__(reranker, config=config, llm=Provider(llm), fields=own, **options)

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex writes into dumps."""
        return "SwaprankReranker"

    def postprocess_nodes(
        self,
        nodes: list[NodeWithScore],
        query_bundle: QueryBundle | None = None,
        query_str: str | None = None,
        *,
        top_n: int | None = None,
    ) -> list[NodeWithScore]:
        """The nodes in their new order, cut to the config's limits.

        Args:
            nodes: The candidates, in first-stage order.
            query_bundle: The query; or else
            query_str: its text.
            top_n: How many nodes this call keeps at most; overrides the config's.

        Raises:
            swaprank.InputError: There is no query, something is not a node, or `top_n` is no whole number above 0.
            swaprank.BackendError: The model failed and ``on_error`` is ``raise``.
        """
        query_bundle, query_str = _with_top_n(query_bundle, query_str, top_n)
        return super().postprocess_nodes(nodes, query_bundle, query_str)

    async def apostprocess_nodes(
        self,
        nodes: list[NodeWithScore],
        query_bundle: QueryBundle | None = None,
        query_str: str | None = None,
        *,
        top_n: int | None = None,
    ) -> list[NodeWithScore]:
        """As `postprocess_nodes`, without blocking the event loop."""
        query_bundle, query_str = _with_top_n(query_bundle, query_str, top_n)
        return await super().apostprocess_nodes(nodes, query_bundle, query_str)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return run(self._rerank(self.query(query_bundle), _checked(nodes), _top_n(query_bundle)))

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await arun(self._rerank(self.query(query_bundle), _checked(nodes), _top_n(query_bundle)))

    def _rerank(self, query: Query, nodes: list[NodeWithScore], top_n: int | None) -> Steps[list[NodeWithScore]]:
        with self._rerank_events(query, nodes, top_n) as (result, used):
            core, passages = self._core, self.passages(nodes)
            ranking = yield from step(core.rerank, core.arerank, query, passages, top_n=top_n)
            used.update(self._usage(ranking))
            result += self._ranked_nodes(nodes, ranking)
        return result

    def query(self, query_bundle: QueryBundle | None) -> Query:
        """The query as the core reads it.

        Raises:
            InputError: There is none.
        """
        # LlamaIndex makes bundles of whatever is handed in.
        text: Any = query_bundle.query_str if isinstance(query_bundle, QueryBundle) else query_bundle
        if text is None:
            raise InputError("A reranker needs a query, and none was given.", hint=_QUERY_HINT)
        if not isinstance(query_bundle, QueryBundle) or not isinstance(text, str):
            raise InputError(f"The query is a {type(text).__name__}: {shown(text)}.", hint=_QUERY_HINT)
        instruction = query_bundle.instruction if isinstance(query_bundle, InstructedQuery) else None
        return Query(text, query_bundle.embedding, instruction, images=images_of_query(query_bundle))

    def passages(self, nodes: Sequence[NodeWithScore]) -> list[Passage]:
        """The nodes as the core reads them."""
        return [
            Passage(
                text=content(node.node, self.metadata_mode),
                id=node.node.node_id,
                score=None if node.score is None else float(node.score),
                metadata=node.node.metadata,
                embedding=node.node.embedding,
                images=images_of_node(node.node),
            )
            for node in nodes
        ]

    def _ranked_nodes(self, nodes: Sequence[NodeWithScore], ranking: Ranking) -> list[NodeWithScore]:
        ranked_nodes = []
        for ranked, metadata in self._results(ranking):
            given = nodes[ranked.index]
            if not _SCORED.isdisjoint(given.node.metadata):
                metadata.pop(RETRIEVAL_SCORE, None)
            node = with_metadata(given.node, metadata)
            ranked_nodes.append(given.model_copy(update={"node": node, "score": ranked.score}))
        return ranked_nodes

    @contextmanager
    def _rerank_events(
        self, query: Query, nodes: list[NodeWithScore], top_n: int | None
    ) -> Iterator[tuple[list[NodeWithScore], dict[str, Any]]]:
        """Start and end in both event systems of LlamaIndex, balanced on success, on no nodes and on error.

        Yields:
            What takes the nodes that are kept, and what takes the usage.
        """
        top_n = top_n or self._core.top_n or len(nodes)
        model = str(self.config.get("model") or self._core.name)
        result: list[NodeWithScore] = []
        used: dict[str, Any] = {}
        nodes = without_image_data(nodes)
        dispatcher.event(ReRankStartEvent(query=query.text, nodes=nodes, top_n=top_n, model_name=model))
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: model,
            EventPayload.QUERY_STR: query.text,
            EventPayload.TOP_K: top_n,
        }
        try:
            with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
                yield result, used
                result = without_image_data(result)
                event.on_end(payload={EventPayload.NODES: result, EventPayload.ADDITIONAL_KWARGS: used})
        finally:
            if used:
                dispatcher.event(ReRankUsageEvent(usage=used))
            dispatcher.event(ReRankEndEvent(nodes=result))

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """No method here takes a LlamaIndex prompt; prompts are options of the config."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy that shares the core, which never changes, and the callbacks, which may hold locks."""
        return self.model_copy()


def _checked(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
    return checked_candidates(nodes, NodeWithScore, "nodes", "Give a list of NodeWithScore(node=..., score=...).")


def _with_top_n(
    bundle: QueryBundle | None, text: str | None, top_n: int | None
) -> tuple[QueryBundle | None, str | None]:
    """The query as a bundle that brings a `top_n`, where one is given; LlamaIndex hands on bundles alone."""
    if top_n is None:
        return bundle, text
    if bundle is None and isinstance(text, str):
        return InstructedQuery(text, top_n=top_n), None
    if not isinstance(bundle, QueryBundle) or text is not None:
        return bundle, text  # refused where it is read
    known = {field.name: getattr(bundle, field.name) for field in fields(QueryBundle)}
    instruction = bundle.instruction if isinstance(bundle, InstructedQuery) else None
    return InstructedQuery(**known, instruction=instruction, top_n=top_n), None


def _top_n(bundle: QueryBundle | None) -> int | None:
    top_n: Any = bundle.top_n if isinstance(bundle, InstructedQuery) else None
    # Before events, whose own check would speak first.
    if top_n is None:
        return None
    if isinstance(top_n, bool) or not hasattr(top_n, "__index__") or index(top_n) < 1:
        raise InputError(f"top_n is {shown(top_n)}.", hint="Give a whole number of at least 1, or None.")
    return index(top_n)


def _mode(mode: MetadataMode | str) -> MetadataMode:
    try:
        return MetadataMode(mode)
    except ValueError:
        hint = nearest(str(mode), [known.value for known in MetadataMode])
        raise ConfigError(f"metadata_mode is {mode!r}.", hint=hint) from None
