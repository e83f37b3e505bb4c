"""A JSON Schema in which what stands in many places is written once."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterator
from itertools import count, product
from typing import Any

Schema = dict[str, Any]

# A reference is about so long, and a definition adds so much to its part: a part that is not worth them stays.
_REFERENCE = 22
_DEFINITION = 6
_DIGITS = string.ascii_lowercase + string.digits
# Keywords whose values are schemas, lists of them, or schemas by name. `properties` itself is not a schema.
_ONE = ("additionalProperties", "items", "not")
_MANY = ("anyOf", "allOf", "oneOf")
_NAMED = ("properties", "$defs")


def shared(schema: Schema) -> Schema:
    """The same schema, with every part that stands in it twice or more moved to ``$defs``.

    Titles are left out: they repeat the names of keys.

    Args:
        schema: A schema with ``$defs``; it is not changed.
    """
    plain = _mapped(schema, _untitled)
    counts: Counter[str] = Counter()
    _count(plain, counts)
    free = (name for name in _names() if name not in plain["$defs"])
    # The most frequent parts get the shortest names.
    worthwhile = [written for written, times in counts.most_common() if _saves(written, times)]
    names = dict(zip(worthwhile, free, strict=False))
    moved: dict[str, Schema] = {}

    def refer(part: Any, depth: int) -> Any:
        written = _written(part)
        inner = _mapped(part, lambda child: refer(child, depth + 1))
        # The parts of `$defs` have names already.
        if depth < 2 or written not in names:
            return inner
        moved[names[written]] = inner
        return {"$ref": f"#/$defs/{names[written]}"}

    result = {key: value for key, value in plain.items() if key != "$defs"}
    definitions = {name: refer(part, 1) for name, part in plain["$defs"].items()}
    return {**result, "$defs": {**definitions, **moved}}


def _saves(written: str, times: int) -> bool:
    return times * (len(written) - _REFERENCE) > len(written) + _DEFINITION


def _names() -> Iterator[str]:
    """a, b ... 9, aa, ab ..."""
    for length in count(1):
        yield from map("".join, product(_DIGITS, repeat=length))


def _untitled(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return _mapped({key: value for key, value in part.items() if key != "title"}, _untitled)


def _mapped(part: Any, change: Any) -> Any:
    """A schema with its direct parts changed."""
    if not isinstance(part, dict):
        return part
    changed = dict(part)
    for key, value in part.items():
        if key in _ONE:
            changed[key] = change(value)
        elif key in _MANY:
            changed[key] = [change(one) for one in value]
        elif key in _NAMED:
            changed[key] = {name: change(one) for name, one in value.items()}
    return changed


def _count(part: Any, counts: Counter[str]) -> None:
    """Count every part below, each distinct one's own parts only once."""

    def visit(child: Any) -> Any:
        written = _written(child)
        counts[written] += 1
        if counts[written] == 1:
            _mapped(child, visit)
        return child

    _mapped(part, visit)


def _written(part: Any) -> str:
    return json.dumps(part, sort_keys=True, separators=(",", ":"))
