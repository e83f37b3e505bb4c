"""Writing a map into a config file: comments stay, and the file is replaced whole or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..config import files
from ..errors import ConfigError, InputError

KEY = "relevance"
_LINE = re.compile(rf"^(?:{KEY}|'{KEY}'|\"{KEY}\")\s*:")


def with_map(path: Path, relevance: Mapping[str, Any]) -> str:
    """The text of a config file with this map.

    In YAML the line (or block) of the key is replaced, or one is added at the end, and all else stays as it is.

    Raises:
        ConfigError: The file cannot be read, or is written so that a line cannot be added (``{...}`` over all of it).
    """
    before = files.read(path)
    wanted = {**before, KEY: dict(relevance)}
    if path.suffix.lower() == ".json":
        return json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    text = path.read_text(encoding="utf-8-sig")
    changed = _replaced(text, f"{KEY}: {_flow(relevance)}\n")
    try:
        same = files.parse_yaml(changed, str(path)) == wanted
    except ConfigError:
        same = False
    if not same:
        raise ConfigError(
            f"{str(path)!r} is written so that no line can be added to it.",
            hint=f"Write it as lines of 'key: value', or add this yourself: {KEY}: {_flow(relevance)}",
        )
    return changed


def of_config(config: Mapping[str, Any], relevance: Mapping[str, Any], *, as_json: bool) -> str:
    """The text of a new config file with this map."""
    if as_json:
        return json.dumps({**config, KEY: dict(relevance)}, indent=2, ensure_ascii=False) + "\n"
    others = {key: value for key, value in config.items() if key != KEY}
    return yaml.safe_dump(others, allow_unicode=True, sort_keys=False) + f"{KEY}: {_flow(relevance)}\n"


def replace_file(path: Path, text: str) -> None:
    """Write a file so that at no time there is less than the old or the new one.

    Raises:
        InputError: It cannot be written.
    """
    path = path.resolve()
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        # As the old file was; a new one as any other that this user makes.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def _flow(relevance: Mapping[str, Any]) -> str:
    """The map on one line of YAML."""
    text: str = yaml.safe_dump(dict(relevance), default_flow_style=True, sort_keys=False, width=1_000_000)
    return text.strip()


def _replaced(text: str, line: str) -> str:
    """The text with the top-level key replaced, to the next line that begins a key, or added at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    line = line.replace("\n", newline)
    lines = text.splitlines(keepends=True)
    start = next((place for place, one in enumerate(lines) if _LINE.match(one)), None)
    if start is None:
        gap = "" if not text or text.endswith(("\n", "\r")) else newline
        return f"{text}{gap}{line}"
    end = start + 1
    # What belongs to the value is indented, or closes it; blank lines and comments after it stay.
    last = end
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t}]-#"):
        end += 1
        if lines[end - 1].strip() and not lines[end - 1].startswith("#"):
            last = end
    return "".join([*lines[:start], line, *lines[last:]])
