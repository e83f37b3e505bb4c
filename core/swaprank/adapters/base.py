"""AdapterReranker: what the reranker classes of frameworks that are built on pydantic share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from ..backends.llm.options import LlmProvider
from ..config.load import Source
from ..config.prices import price_table
from ..errors import ConfigError
from ..masking import shown
from ..reranker import Reranker
from ..types import RankedPassage, Ranking
from .construction import ANY_CONFIG, ConfigKind, make_reranker
from .metadata import rerank_metadata
from .read_only import read_only
from .usage import usage

OnRanking = Callable[[Ranking], None]


class AdapterReranker(BaseModel):
    """A core reranker with its config as a field: dumped without secrets, pickled without models.

    Two are equal if they are of one class and were made from the same config, secrets included, and the same options.
    In a field of another pydantic model, what names or describes a reranker becomes one: ``{"reranker": "bm25"}``.

    Stands before the framework's own class among the bases: ``class Reranker(AdapterReranker, FrameworkBase)``.

    Args:
        reranker: Recipe name, path, mapping, a ready `swaprank.Reranker`, or None.
        config: The same by keyword, as dumps have it.
        llm: The framework's LLM.
        fields: Values of the fields that the class itself declares.
        options: Keys of the config, and fields that a subclass adds.

    Raises:
        swaprank.ConfigError: As `make_reranker`.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    config: dict[str, Any] = Field(frozen=True, description="The swaprank config, without secrets.")
    include_reasoning: bool = False
    on_ranking: SkipJsonSchema[OnRanking | None] = Field(default=None, exclude=True)

    _kind: ClassVar[ConfigKind] = ANY_CONFIG
    # Fields that do not travel in pickles; the config travels inside the core.
    _unpickled: ClassVar[frozenset[str]] = frozenset({"config"})
    _core: Reranker = PrivateAttr()

    def __init__(
        self,
        reranker: Source | Reranker = None,
        /,
        *,
        config: Mapping[str, Any] | None = None,
        llm: LlmProvider | None = None,
        fields: Mapping[str, Any],
        **options: Any,
    ) -> None:
        added = {key: options.pop(key) for key in type(self).model_fields.keys() & options.keys()}
        core = make_reranker(
            self._kind, reranker, options, config=config, llm=llm, fields=type(self).model_fields.keys()
        )
        super().__init__(config=core.to_config(), **fields, **added)
        self._core = core

    @model_validator(mode="wrap")
    @classmethod
    def _named(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler({"config": value} if isinstance(value, str | Path) else value)

    @field_validator("config", mode="after")
    @classmethod
    def _cannot_change(cls, config: dict[str, Any]) -> dict[str, Any]:
        frozen: dict[str, Any] = read_only(config)
        return frozen

    @classmethod
    def from_config(cls, config: Source, **options: Any) -> Self:
        """The reranker that a path, a mapping or a recipe name describes."""
        return cls(config, **options)

    def to_config(self) -> dict[str, Any]:
        """The config, without secrets; loads nothing."""
        return self._core.to_config()

    def warm_up(self, *, fallbacks: bool = False) -> None:
        """Load every model now; see `swaprank.Reranker.warm_up`."""
        self._core.warm_up(fallbacks=fallbacks)

    async def awarm_up(self, *, fallbacks: bool = False) -> None:
        """As `warm_up`, without blocking the event loop."""
        await self._core.awarm_up(fallbacks=fallbacks)

    def close(self) -> None:
        """Let go of every model; a later call loads them again. See `swaprank.Reranker.close`."""
        self._core.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await self._core.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()

    @property
    def top_n(self) -> int | None:
        """How many passages are kept at most, as the config says; None for all."""
        return self._core.top_n

    @top_n.setter
    def top_n(self, top_n: Any) -> None:
        raise ConfigError(
            f"top_n cannot be set to {shown(top_n)}: a reranker that is built does not change.",
            hint="Give top_n for one call, or build another reranker.",
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, for the options of the class; what the config says is the same in every copy.

        Raises:
            ConfigError: `update` has a key that no copy would follow.
        """
        fixed = [key for key in update or {} if key == "config" or key not in type(self).model_fields]
        if fixed:
            raise ConfigError(
                f"A copy cannot change {', '.join(fixed)}: a reranker that is built does not change.",
                hint='Build another: Reranker({**reranker.config, "top_n": 5}).',
            )
        return super().model_copy(update=update, deep=deep)

    @property
    def core(self) -> Reranker:
        """The core reranker."""
        return self._core

    def _results(self, ranking: Ranking) -> list[tuple[RankedPassage, dict[str, Any]]]:
        """The kept passages, best first, each with the metadata it leaves; `on_ranking` is called before."""
        if self.on_ranking is not None:
            self.on_ranking(ranking)
        return [
            (ranked, rerank_metadata(ranking, ranked, reasoning=self.include_reasoning)) for ranked in ranking.passages
        ]

    def _usage(self, ranking: Ranking) -> dict[str, Any]:
        """What a ranking took, for traces."""
        return usage(self._core.name, ranking, price_table(self.to_config()))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields, and `top_n`, which may come from a recipe."""
        yield from super().__repr_args__()
        yield "top_n", self.top_n

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AdapterReranker) or type(other) is not type(self):
            return NotImplemented
        compared = type(self).model_fields.keys() - self._unpickled
        same = all(getattr(self, key) == getattr(other, key) for key in compared)
        return same and self._core.__getstate__() == other._core.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the core, which pickles its config and never a model."""
        kept = type(self).model_fields.keys() - self._unpickled
        return {"core": self._core, **{key: getattr(self, key) for key in kept}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        options = dict(state)
        self.__init__(options.pop("core"), **options)  # type: ignore[misc]
