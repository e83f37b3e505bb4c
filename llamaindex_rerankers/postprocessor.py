"""Reranker: a node postprocessor for every reranker a swaprank config can describe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Self

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from pydantic import ConfigDict, Field, PlainSerializer, PrivateAttr
from pydantic.json_schema import SkipJsonSchema

from swaprank import ConfigError, InputError, Passage, Query, Ranking
from swaprank import Reranker as CoreReranker
from swaprank.adapters import construction
from swaprank.adapters.metadata import RETRIEVAL_SCORE, SCORE_KIND, STALE, rerank_metadata
from swaprank.config.load import Source
from swaprank.errors import nearest

from .llm import Provider
from .query import InstructedQuery

dispatcher = get_dispatcher(__name__)

# Either key tells that the score of a node is a reranker's, not the retriever's.
_SCORED = frozenset({RETRIEVAL_SCORE, SCORE_KIND})

OnRanking = Callable[[Ranking], None]
Preset = construction.Preset

# Dumps hold plain text, so that they can also be written as safe YAML.
_Mode = Annotated[MetadataMode, PlainSerializer(lambda mode: mode.value, return_type=str)]


class Reranker(BaseNodePostprocessor):
    """Reorders nodes as a swaprank config says.

    Takes what `swaprank.Reranker` takes, in the same words: the name of a recipe, a path, a mapping, or
    nothing for the embedded default, and any key of the config as a keyword.

    The returned nodes are copies with the new score; the nodes handed in stay as they are. The score they
    came with is kept as metadata ``retrieval_score`` (one that an earlier reranker left there stays), and
    what kind the new one is as ``rerank_score_kind``; bridged failures are added where there are any
    (``rerank_failures``), and a model's reasoning if you ask for it (``rerank_reasoning``). These keys are
    excluded from the text that embedding models and LLMs see.

    A query may bring its own instruction for instruction-aware methods: see `InstructedQuery`.

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

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    config: dict[str, Any] = Field(frozen=True, description="The swaprank config, without secrets.")
    metadata_mode: _Mode = Field(default=MetadataMode.NONE, frozen=True)
    include_reasoning: bool = False
    on_ranking: SkipJsonSchema[OnRanking | None] = Field(default=None, exclude=True)

    _preset: ClassVar[Preset] = staticmethod(construction.any_kind)
    _core: CoreReranker = PrivateAttr()

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
        core = construction.from_adapter(
            type(self)._preset, reranker, config, options, Provider(llm), Reranker.model_fields
        )
        fields: dict[str, Any] = {
            "config": core.to_config(),
            "metadata_mode": _mode(metadata_mode),
            "include_reasoning": include_reasoning,
            "on_ranking": on_ranking,
        }
        if callback_manager is not None:
            fields["callback_manager"] = callback_manager
        super().__init__(**fields)
        self._core = core

    @classmethod
    def from_config(cls, config: Source, **options: Any) -> Self:
        """The postprocessor that a path, a mapping or a recipe name describes."""
        return cls(config, **options)

    def to_config(self) -> dict[str, Any]:
        """The config, without secrets; loads nothing."""
        return self._core.to_config()

    @property
    def core(self) -> CoreReranker:
        """The reranker behind this postprocessor."""
        return self._core

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex writes into dumps."""
        return "SwaprankReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, passages = self.question(nodes, query_bundle)
        return self._rerank(query, passages, nodes)

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, passages = self.question(nodes, query_bundle)
        return await self._arerank(query, passages, nodes)

    def _rerank(self, query: Query, passages: Sequence[Passage], nodes: list[NodeWithScore]) -> list[NodeWithScore]:
        with self._reported(query, nodes) as result:
            result += self._answer(nodes, self._core.rerank(query, passages))
        return result

    async def _arerank(
        self, query: Query, passages: Sequence[Passage], nodes: list[NodeWithScore]
    ) -> list[NodeWithScore]:
        with self._reported(query, nodes) as result:
            result += self._answer(nodes, await self._core.arerank(query, passages))
        return result

    def question(self, nodes: Sequence[NodeWithScore], query_bundle: QueryBundle | None) -> tuple[Query, list[Passage]]:
        """What the core is asked about these nodes.

        Raises:
            InputError: There is no query.
        """
        if query_bundle is None:
            raise InputError(
                "A reranker needs a query, and none was given.",
                hint="Pass query_bundle= or query_str= to postprocess_nodes.",
            )
        passages = [
            Passage(
                text=content(node.node, self.metadata_mode),
                id=node.node.node_id,
                score=None if node.score is None else float(node.score),
                embedding=node.node.embedding,
            )
            for node in nodes
        ]
        instruction = query_bundle.instruction if isinstance(query_bundle, InstructedQuery) else None
        return Query(query_bundle.query_str, query_bundle.embedding, instruction), passages

    def _answer(self, nodes: Sequence[NodeWithScore], ranking: Ranking) -> list[NodeWithScore]:
        if self.on_ranking is not None:
            self.on_ranking(ranking)
        answer = []
        for ranked in ranking.passages:
            given = nodes[ranked.index]
            extra = rerank_metadata(ranking, ranked, reasoning=self.include_reasoning)
            if ranked.passage.score is not None and _SCORED.isdisjoint(given.node.metadata):
                extra[RETRIEVAL_SCORE] = ranked.passage.score
            answer.append(given.model_copy(update={"node": _annotated(given.node, extra), "score": ranked.score}))
        return answer

    @contextmanager
    def _reported(self, query: Query, nodes: list[NodeWithScore]) -> Iterator[list[NodeWithScore]]:
        """Start and end in both event systems of LlamaIndex, balanced on success, on no nodes and on error."""
        top_n = self._core.top_n or len(nodes)
        model = str(self.config.get("model") or self._core.name)
        result: list[NodeWithScore] = []
        dispatcher.event(ReRankStartEvent(query=query.text, nodes=nodes, top_n=top_n, model_name=model))
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: model,
            EventPayload.QUERY_STR: query.text,
            EventPayload.TOP_K: top_n,
        }
        try:
            with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
                yield result
                event.on_end(payload={EventPayload.NODES: result})
        finally:
            dispatcher.event(ReRankEndEvent(nodes=result))

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """No method here takes a LlamaIndex prompt; prompts are options of the config."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy that shares the core, which never changes, and the callbacks, which may hold locks."""
        return self.model_copy()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the core, which pickles its config and never a model."""
        kept = type(self).model_fields.keys() - {"config", "callback_manager"}
        return {"core": self._core, **{key: getattr(self, key) for key in kept}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        options = dict(state)
        self.__init__(options.pop("core"), **options)  # type: ignore[misc]


def content(node: BaseNode, mode: MetadataMode) -> str:
    """What is read of a node."""
    return node.get_content(metadata_mode=mode) or ""


def _mode(mode: MetadataMode | str) -> MetadataMode:
    try:
        return MetadataMode(mode)
    except ValueError:
        hint = nearest(str(mode), [known.value for known in MetadataMode])
        raise ConfigError(f"metadata_mode is {mode!r}.", hint=hint) from None


def _annotated(node: BaseNode, extra: Mapping[str, Any]) -> BaseNode:
    """A shallow copy of the node with more metadata, hidden from embedding models and LLMs."""
    kept = {key: value for key, value in node.metadata.items() if key not in STALE}
    embed, llm = node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys
    return node.model_copy(
        update={
            "metadata": {**kept, **extra},
            "excluded_embed_metadata_keys": embed + [key for key in extra if key not in embed],
            "excluded_llm_metadata_keys": llm + [key for key in extra if key not in llm],
        }
    )
