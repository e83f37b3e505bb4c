"""A class to ask, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from swaprank.testing import Finding


@dataclass(frozen=True)
class Asked:
    """One class.

    Attributes:
        name: Its name, and in which case it is asked.
        package: The distribution it comes from.
        build: Makes an instance that keeps every candidate.
        options: For the check: ``score_key`` where it has another.
    """

    name: str
    package: str
    build: Callable[[], Any]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of one class.

    Attributes:
        name: As in `Asked`.
        package: The distribution and its version.
        findings: One per promise; none where it could not be asked.
        absent: Whether its package is not installed.
    """

    name: str
    package: str
    findings: list[Finding]
    absent: bool = False

    @property
    def broken(self) -> list[Finding]:
        """The promises it breaks."""
        return [one for one in self.findings if one.problem is not None]


def examined(asked: Asked, check: Callable[..., list[Finding]]) -> Result:
    """The class built and asked; absent where an import fails."""
    try:
        subject = asked.build()
    except ImportError:
        return Result(asked.name, asked.package, [], absent=True)
    package = f"{asked.package} {version(asked.package)}"
    return Result(asked.name, package, check(subject, **asked.options))
