"""The reference of the API: a page for each public module, by its docstrings."""

from __future__ import annotations

import importlib

_MODULES = {
    "swaprank": "The core: rerankers, passages, rankings, errors.",
    "llamaindex_rerankers": "The adapter for LlamaIndex.",
    "langchain_rerankers": "The adapter for LangChain.",
    "swaprank.method": "What a method is made of.",
    "swaprank.strategy": "What a strategy is made of.",
    "swaprank.backend": "What a backend is made of.",
    "swaprank.requests": "What methods ask of backends.",
    "swaprank.responses": "What backends answer.",
    "swaprank.adapters": "What an adapter for another framework is made of.",
    "swaprank.testing": "Backends that follow a script, and suites of promises.",
}


def pages() -> dict[str, str]:
    """Path in the site to content."""
    return {f"api/{name.replace('.', '-')}.md": _page(name, about) for name, about in _MODULES.items()}


def _page(name: str, about: str) -> str:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [one for one, value in vars(module).items() if getattr(value, "__module__", None) == name]
    shown = sorted(one for one in names if not one.startswith("_") and callable(getattr(module, one, None)))
    return "\n\n".join([f"# {name}", about, *(f"::: {name}.{one}" for one in shown)]) + "\n"
