"""Reading config files strictly: bounded in size and depth, every key once, nothing executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError
from ..masking import shown
from .data import MOST_LEVELS, Config, check_data

# Bytes of a file, and characters of it once its aliases are written out.
MOST_BYTES = 1 << 20

# YAML counts to the base of 60, too, in a time that grows with the square of the digits.
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MOST_DIGITS = 400

# The parser in C is ten times as fast; both only make plain data.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path) -> Config:
    """The mapping that a YAML or JSON file holds.

    Raises:
        ConfigError: The file cannot be read or does not parse, is too large or too deep, has a key twice, or does not
            hold a mapping. The message quotes nothing of the file but keys.
    """
    where = f"The config file {shown(str(path))}"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{where} cannot be read: {reason}.") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{where} is larger than {MOST_BYTES} bytes.", hint="Keep data in files of its own.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
    else:
        found = (_json if path.suffix.lower() == ".json" else parse_yaml)(text, where)
        check_data(found, where)
        if not isinstance(found, dict):
            holds = "is empty" if found is None else f"holds a {type(found).__name__}, not a mapping"
            raise ConfigError(
                f"{where} {holds}.",
                hint="Start it with a key, such as 'reranker: ms-marco-minilm-l6'.",
            )
        return found
    raise ConfigError(f"{where} is not text in UTF-8: {reason}.")  # without the error, which holds the content


def parse_yaml(text: str, where: str) -> Any:
    """The value that a YAML document holds.

    Args:
        text: The document.
        where: What it is, for the message.

    Raises:
        ConfigError: As `read`.
    """
    try:
        _check_events(text, where)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_node(node, where, {}, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = _reason(error)
    raise ConfigError(f"{where} does not parse: {reason}.")  # without the error, which quotes the file


def _check_events(text: str, where: str) -> None:
    """Bound the depth before anything recursive reads the file."""
    level = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
            if level > MOST_LEVELS:
                raise _too_deep(where, _line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1


def _check_node(node: yaml.Node, where: str, sizes: dict[yaml.Node, int], path: set[yaml.Node]) -> int:
    """How many characters a node has with its aliases written out; each node is visited once.

    Args:
        node: The node.
        where: The file.
        sizes: Takes the size of every node.
        path: The nodes that this one is in.
    """
    if node in path:
        raise ConfigError(f"{where} has an alias in line {_line(node)} that holds itself.")
    if node not in sizes:
        path.add(node)
        if isinstance(node, yaml.MappingNode):
            _check_once(((key.value, _line(key)) for key, _ in node.value if _is_scalar(key)), where)
        if node.tag in _NUMBERS and len(node.value) > _MOST_DIGITS:
            raise ConfigError(f"{where} has a number of more than {_MOST_DIGITS} digits in line {_line(node)}.")
        own = len(node.value) if _is_scalar(node) else 0
        inside = own + sum(_check_node(part, where, sizes, path) for part in _parts(node))
        if inside >= MOST_BYTES:
            raise ConfigError(f"{where} is larger than {MOST_BYTES} characters with its aliases written out.")
        sizes[node] = inside + 1
        path.remove(node)
    return sizes[node]


def _line(part: yaml.Node | yaml.Event) -> int:
    return 0 if part.start_mark is None else part.start_mark.line + 1


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _reason(error: Exception) -> str:
    """What does not parse, without what the file says there: it may be a secret."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return type(error).__name__
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    problem = re.sub(r"'(?!<|\\.')[^']{2,}'", "'***'", problem)
    mark = error.problem_mark
    return problem if mark is None else f"{problem}, line {mark.line + 1}, column {mark.column + 1}"


# What matters in JSON for depth and keys; the second group is there where a text is a key. A text without its end is a
# token too, so that the search does not start again at every quote in it.
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*+"?)(\s*:)?|[\[{\]}]', re.DOTALL)


def _json(text: str, where: str) -> Any:
    _check_tokens(text, where)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg}, line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ConfigError(f"{where} does not parse: {reason}.")  # without the error, which holds the content


def _check_tokens(text: str, where: str) -> None:
    """Bound the depth before anything recursive reads the file, and find keys that stand twice."""
    levels: list[list[tuple[str, int]]] = []
    line, counted = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", counted, token.start())
        counted = token.start()
        if token[0] in "[{":
            levels.append([])
            if len(levels) > MOST_LEVELS:
                raise _too_deep(where, line)
        elif token[0] in "]}" and levels:
            _check_once(levels.pop(), where)
        elif token[2] and levels:
            levels[-1].append((_key(token[1]), line))


def _key(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted


def _check_once(keys: Iterable[tuple[str, int]], where: str) -> None:
    """Refuse a key that one mapping has twice; keys come with their lines."""
    lines: dict[str, int] = {}
    for key, line in keys:
        if key in lines:
            raise ConfigError(
                f"{where} has the key {shown(key)} twice in one mapping, in lines {lines[key]} and {line}.",
                hint="Leave one of them out.",
            )
        lines[key] = line


def _too_deep(where: str, line: int) -> ConfigError:
    return ConfigError(f"{where} nests more than {MOST_LEVELS} levels deep in line {line}.", hint="Make it flat.")
