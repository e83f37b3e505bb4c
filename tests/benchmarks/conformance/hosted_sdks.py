"""SDKs of hosted rerank services and our presets at the same fake servers: make conformance-hosted.

Both rank the same passages. Their paths, the headers that authorize them and their bodies are compared, and the order that the SDK reads out
of the documented reply. The table is written into docs/hosted.md.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from swaprank import Reranker
from swaprank.backends.http.dialects import DIALECTS
from swaprank.backends.http.options import HttpOptions
from tests.backends.http.hosted_server import HostedServer
from tests.backends.http.hosted_services import DOCUMENTED

from .marked_page import write_between
from .sdks import QUERY, SDKS, TEXTS, Sdk

PAGE = Path(__file__).parents[3] / "docs" / "hosted.md"
MARK = "<!-- sdks -->"
RANKED = [1, 2, 0]


def flat(found: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a body, with the way to each."""
    items = found.items() if isinstance(found, Mapping) else enumerate(found) if isinstance(found, list) else None
    if items is None:
        yield where, found
        return
    for key, value in items:
        yield from flat(value, f"{where}.{key}".strip("."))


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """What two flat mappings do not share."""
    said = [
        f"{theirs[key]!r} for our {ours[key]!r} in `{key}`"
        for key in theirs
        if ours.get(key, theirs[key]) != theirs[key]
    ]
    for whose, keys in (("the SDK", theirs.keys() - ours.keys()), ("ours", ours.keys() - theirs.keys())):
        if keys:
            said.append(f"{whose} has " + ", ".join(f"`{key.removesuffix('.0')}`" for key in sorted(keys)))
    return "; ".join(said) or "the same"


def authorized(headers: Mapping[str, str], names: Iterator[str]) -> dict[str, str]:
    """The headers that matter, without a signature and its date."""
    found = {name: headers.get(name.lower(), "") for name in names}
    return {name: re.sub(r"/\d{8}/|Signature=\w+", "", value) for name, value in found.items()}


def row(sdk: Sdk) -> tuple[str, bool]:
    """An SDK's line of the table, and whether paths, headers and orders are the same."""
    service = DOCUMENTED[sdk.api]
    if sdk.asked:
        service = replace(service, path=DIALECTS[sdk.asked].path)
    with HostedServer(service, strict=False) as server:
        order = list(sdk.rank(server.url, service.model))
        backend = {"type": "http", "api": sdk.asked or sdk.api, "base_url": server.url, **service.options}
        given = {} if sdk.api == "bedrock" else {"api_key": "k"}
        own = Reranker(method="cross-encoder", model=service.model, backend=backend | given).rerank(QUERY, TEXTS).order
    theirs, ours = (dict(flat(body)) for body in server.bodies)
    names = (service.header[0], *service.headers)
    asked = [
        {"path": path.partition("?")[0]} | authorized(headers, iter(names))
        for path, headers in zip(server.paths, server.headers, strict=True)
    ]
    well = order == own == RANKED and asked[0] == asked[1]
    ranked = "the same" if order == own == RANKED else f"{order}, ours {own}"
    line = f"| `{sdk.api}` | {sdk.package} {version(sdk.package)} | {difference(*asked)} | {difference(theirs, ours)} | {ranked} |"
    return line, well


def nvidia_addresses() -> list[str]:
    """The addresses of NVIDIA's table of hosted rerankers that ours are not."""
    statics = importlib.import_module("langchain_nvidia_ai_endpoints._statics")
    tables = statics.RANKING_MODEL_TABLE | statics.RANKING_VLM_MODEL_TABLE
    options = HttpOptions(api="nvidia", api_key="k")  # type: ignore[arg-type]
    return [
        one.endpoint
        for one in tables.values()
        if one.endpoint != options.urls[0] + options.path(DIALECTS["nvidia"].path, one.id)
    ]


def main() -> None:
    """Ask them all and write the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ.update(AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_EC2_METADATA_DISABLED="true")
    rows = [row(sdk) for sdk in SDKS]
    head = "| `api` | SDK | path and headers | body | order |\n|---|---|---|---|---|"
    table = "\n".join([head, *(line for line, _ in rows)])
    if strangers := nvidia_addresses():
        raise SystemExit(f"NVIDIA's addresses {strangers} are not ours; nothing was written.")
    if not all(well for _, well in rows):
        raise SystemExit(f"{table}\nNot all ask alike; nothing was written.")
    write_between(PAGE, MARK, table)


if __name__ == "__main__":
    main()
