"""Names of hosted models where the name of a recipe is expected: what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..backends.http.services import SERVICES

if TYPE_CHECKING:
    from .recipe import Recipe

# Models that services name without saying whose they are.
_RERANKERS = {
    "cohere": re.compile(r"rerank-((english|multilingual)-)?v\d[\w.-]*"),
    "voyage": re.compile(r"rerank-(lite-)?\d[\w.-]*"),
    "contextual": re.compile(r"ctxl-rerank-[\w.-]+"),
    "isaacus": re.compile(r"kanon-[\w.-]+"),
    "vertex": re.compile(r"semantic-ranker-[\w@.-]+"),
    "bedrock": re.compile(r"(amazon|cohere)\.rerank-[\w.:-]+"),
}
_LLM = re.compile(r"(gpt|chatgpt|claude|gemini)-[\w.:-]+|o[1-9](-[\w.-]+)?")


def hosted_hint(name: str, recipes: Mapping[str, Recipe]) -> str:
    """What to write for the name of a service, of a model that a service hosts, or of a hosted LLM; else empty."""
    if name in SERVICES:
        named = [key for key, one in recipes.items() if one.service == name]
        known = f"a recipe of it ({', '.join(named)})" if named else ""
        return f"It is a hosted service: name {known or 'its model'}, or write {_config('...', name)}."
    named = [key for key, one in recipes.items() if one.service and one.config["model"] == name]
    if named:
        return f"It is a hosted model: write {' or '.join(map(repr, named))}."
    api = next((api for api, pattern in _RERANKERS.items() if pattern.fullmatch(name)), None)
    if api is not None:
        return f"If it is a model of {SERVICES[api].title}, write {_config(name, api)}."
    if _LLM.fullmatch(name):
        return (
            f"An LLM needs a method that asks it: {{method: rankgpt, model: {name}, backend: {{type: http, api: "
            "openai-chat, base_url: ..., api_key: ...}}; see docs/servers.md."
        )
    return ""


def _config(model: str, api: str) -> str:
    return f"{{method: cross-encoder, model: {model}, backend: {{type: http, api: {api}}}}}"
