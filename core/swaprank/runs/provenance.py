"""Which reranker wrote an output file: a line beside it, so that another config does not continue it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError


def check_same_config(output: BinaryIO, target: Path, config: Mapping[str, Any]) -> None:
    """Refuse to continue what another config wrote; remember this one in ``.<name>.config`` beside the file.

    A file without such a line, as of an earlier version, is continued.

    Args:
        output: The output file, open at its start.
        target: Its path.
        config: All that decides the output, without secrets.

    Raises:
        InputError: Another config wrote it, or the line cannot be written.
    """
    if not output.readable():
        return
    resolved = target.resolve()
    beside = resolved.with_name(f".{resolved.name}.config")
    own = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    try:
        before = beside.read_text(encoding="ascii").strip() if beside.exists() else ""
        if before and before != own and resolved.stat().st_size:
            raise InputError(
                f"{str(target)!r} was written with another config.",
                hint="Give the same config and instruction, choose another output file, or --overwrite.",
            )
        beside.write_text(f"{own}\n", encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(beside)!r} cannot be read or written: {error}.") from error
