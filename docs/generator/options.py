"""Tables of options, from the pydantic models that also check configs."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from pydantic import BaseModel

HEAD = "| key | value | default | |\n|---|---|---|---|\n"


def table(model: type[BaseModel], *, skip: frozenset[str] = frozenset()) -> str:
    """A Markdown table of a model's fields; empty where it has none."""
    schema = model.model_json_schema(by_alias=True)
    told = descriptions(model)
    rows = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in skip:
            continue
        part = schema.get("properties", {}).get(key, {})
        default = "required" if field.is_required() else f"`{json.dumps(part.get('default'), ensure_ascii=False)}`"
        rows.append(f"| `{key}` | {_cell(_value(part, schema))} | {_cell(default)} | {_cell(told.get(name, ''))} |")
    return HEAD + "\n".join(rows) if rows else ""


def prose(text: str | None) -> str:
    """A docstring without its sections, as Markdown."""
    kept = re.split(r"\n\s*(?:Attributes|Args|Returns|Raises):\s*\n", inspect.cleandoc(text or "") + "\n")[0]
    return markdown(kept).strip()


def markdown(text: str) -> str:
    """Double backticks become single ones, and nothing is taken for HTML."""
    parts = re.split(r"(``?[^`]+``?)", text)
    return "".join(
        f"`{part.strip('`')}`" if part.startswith("`") else re.sub(r"<(?=[\w/|])", "&lt;", part) for part in parts
    )


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and its bases say of each attribute."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel or not base.__dict__.get("__doc__"):
            continue
        section = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2]
        section = re.split(r"\n(?=\S)", section)[0]
        for name, told in re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", section, flags=re.MULTILINE):
            found[name] = markdown(" ".join(told.split()))
    return found


def _value(part: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return _value(schema.get("$defs", {}).get(name, {}), schema)
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return " or ".join(f"`{one}`" for one in part["enum"])
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in part:
            return " or ".join(dict.fromkeys(_value(one, schema) for one in part[joined]))
    kind = part.get("type", "any")
    if kind == "array":
        return f"list of {_value(part['items'], schema)}" if part.get("items") else "list"
    if kind == "object":
        keys = part.get("properties")
        return "mapping with " + ", ".join(f"`{key}`" for key in keys) if keys else "mapping"
    names = {
        "string": "text",
        "boolean": "`true` or `false`",
        "null": "`null`",
        "any": "any",
        "integer": "whole number",
    }
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{words} {part[key]:g}" for key, words in limits.items() if key in part]
    return ", ".join([names.get(kind, kind), *bounds])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
