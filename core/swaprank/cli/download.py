"""``swaprank download``: the models of a config into the cache, so that it works without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..config import recipe, registry
from ..config.load import Source
from ..config.model_files import is_hub_id
from ..errors import ConfigError
from ..masking import printable, shown
from ..reranker import Reranker
from ..types import Downloaded
from .options import ConfigOption, chosen

# Which files a model is loaded from does not depend on the method, so any that takes a model will do.
_ANY_METHOD = "bi-encoder"


def download(
    name: Annotated[str | None, typer.Argument(help="Name of a recipe, or hub id of a model.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fetch models into the cache, so that no network is needed later.

    The models of a recipe, of a config or of a hub id go into the hub library's cache; none is loaded. All stages
    and fallbacks are read, and the bases of adapters: configs, vocabularies and weights in one format. What is in
    the cache already is not fetched again. Afterwards HF_HUB_OFFLINE=1 works. HF_TOKEN, HF_ENDPOINT and
    HF_HUB_CACHE hold as always.
    """
    if name is None and config is None:
        raise ConfigError("Nothing is named.", hint="Give a recipe, a hub id, or --config FILE.")
    fetched = Reranker(_described(chosen(config, name))).download()
    console = Console(soft_wrap=True, highlight=False)
    for one in fetched:
        console.print(printable(_line(one)), markup=False)
    if not fetched:
        console.print("Nothing to fetch: no model of the hub is named.")


def _described(source: Source) -> Source:
    """The config of a bare hub id; anything else as it is."""
    known = isinstance(source, str) and (source in recipe.all_recipes() or source in registry.names("method"))
    if isinstance(source, str) and not known and "/" in source:
        if not (is_hub_id(source) or source.startswith("package:") or Path(source).is_dir()):
            raise ConfigError(f"{shown(source)} is no hub id, and no such folder is here.", hint="Write owner/name.")
        return {"method": _ANY_METHOD, "model": source}
    return source


def _line(one: Downloaded) -> str:
    size = f"{one.size / 1e6:,.1f} MB" if one.size else "size unknown"
    state = f"{one.fetched / 1e6:,.1f} MB fetched" if one.fetched else "was in the cache"
    return f"{one.model} at {one.commit[:12]}: {size}, {state}, in {one.path}"
