"""The ``swaprank`` command. Its libraries (typer, rich, ir-measures) come with the extra ``cli``."""

from __future__ import annotations

import sys

from ..errors import MissingDependencyError, require


def main() -> None:
    """Entry point of the console script.

    Exit codes: 0 all went well, 1 the work failed, 2 wrong usage or config, 130 interrupted.
    """
    try:
        require("typer", extra="cli", purpose="The swaprank command")
        require("rich", extra="cli", purpose="The swaprank command")
    except MissingDependencyError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    try:
        from .app import run

        run()
    except KeyboardInterrupt:  # outside of a command, such as while it is imported
        raise SystemExit(130) from None
