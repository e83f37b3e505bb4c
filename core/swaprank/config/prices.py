"""What a reranker's calls cost: a price table in the config, applied to what was counted.

```
prices:
  currency: USD
  models:
    gpt-4.1-mini: {input: 0.40, output: 1.60}    # per million tokens
    rerank-v3.5: {unit: 0.002}                   # per unit that the service bills
    "*": {hour: 2.50}                            # any other model: per hour of its work, for hardware of one's own
```

Prices are the user's: none come with the package, for they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..types import Call

_ANY = "*"
# Backends that send their requests to somebody: without a price, what they cost is not known.
_REMOTE = frozenset({"http", "llm"})
_MILLION = 1e6
_HOUR = 3600.0


class Price(BaseModel):
    """What one model costs; the parts add up.

    Attributes:
        input: Per million tokens read.
        output: Per million tokens written.
        unit: Per unit that the service says it bills (Cohere's search units).
        request: Per request that no cache answered.
        hour: Per hour of work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)
    unit: float = Field(default=0.0, ge=0)
    request: float = Field(default=0.0, ge=0)
    hour: float = Field(default=0.0, ge=0)

    def of(self, call: Call) -> float:
        """What a call costs."""
        return (
            (self.input * call.input_tokens + self.output * call.output_tokens) / _MILLION
            + self.unit * call.billed_units
            + self.request * (call.requests - call.cached)
            + self.hour * call.seconds / _HOUR
        )


class PriceTable(BaseModel):
    """The value of ``prices``.

    Attributes:
        currency: What the prices are in; only shown.
        models: Prices by the name of the model as the config has it; ``"*"`` for all others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = "USD"
    models: dict[str, Price]

    def cost(self, calls: Iterable[Call]) -> float | None:
        """What calls cost together; None where a remote model is among them that has no price.

        A model on this machine without a price costs nothing.
        """
        total = 0.0
        for call in calls:
            price = self.models.get(call.model, self.models.get(_ANY))
            if price is not None:
                total += price.of(call)
            elif call.backend in _REMOTE:
                return None
        return total


class Pricing(BaseModel):
    """The option of every stage.

    Attributes:
        prices: What the models cost, for `swaprank eval` and reports; no ranking depends on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prices: PriceTable | None = None


def price_table(config: Mapping[str, Any]) -> PriceTable | None:
    """The table of a valid config: of the whole reranker, not of a stage in it."""
    return Pricing.model_validate({"prices": config.get("prices")}).prices
