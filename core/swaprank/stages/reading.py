"""How a stage reads its candidates: long ones in parts, and as many as a time budget suffices for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from .budget import BudgetOptions
from .long_passages.options import LongPassagesOptions


class Reading(BaseModel):
    """Options of stages whose method scores each passage by itself.

    Attributes:
        long_passages: Read passages of more than ``split`` tokens in chunks; None reads as much as the model takes.
            Beside a fusion, a decomposition or a cascade it holds for every method in it that scores passages one by
            one and says nothing itself.
        budget: Stop after so many seconds, and leave what was not scored behind the rest; None scores everything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    long_passages: LongPassagesOptions | None = None
    budget: BudgetOptions | None = None
