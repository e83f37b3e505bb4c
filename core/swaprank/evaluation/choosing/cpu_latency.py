"""How long recipes take on a CPU, as measured by ``python -m tests.benchmarks.recipe_latency``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from ...config.files import parse_yaml

FILE: Final = Path(__file__).with_name("cpu_latency.yaml")


class CpuLatency(BaseModel):
    """What was measured, and where.

    Attributes:
        machine: Processor and cores.
        words: Words of a passage.
        milliseconds_per_passage: By recipe; the time of a query grows with its passages.
        by_shape: Recipes whose time is that of a network of the model's shape with random weights, and not its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    words: int
    milliseconds_per_passage: dict[str, float]
    by_shape: frozenset[str] = frozenset()

    def of(self, recipe: str, passages: int) -> float | None:
        """Milliseconds for one query with so many passages; None where the recipe was not measured."""
        each = self.milliseconds_per_passage.get(recipe)
        return None if each is None else each * passages


@cache
def cpu_latency() -> CpuLatency:
    """The figures that come with the package."""
    return CpuLatency.model_validate(parse_yaml(FILE.read_text(encoding="utf-8"), FILE.name))
