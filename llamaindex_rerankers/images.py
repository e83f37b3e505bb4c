"""The images of nodes and queries, as swaprank reads them, and nodes without them for events; nothing is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, ImageNode, NodeWithScore, QueryBundle

from swaprank import Image
from swaprank.adapters import images_of


def images_of_node(node: BaseNode) -> tuple[Image, ...]:
    """The image of an `ImageNode`, an `ImageDocument`, or a `Node` with an image resource; none of any other node.

    Of several references the first counts: the data, the path, the URL.
    """
    if isinstance(node, ImageNode):
        # Not `resolve_image` or `get_content_blocks`: these fetch URLs.
        return _first(node.image, node.image_path, node.image_url)
    resource: Any = getattr(node, "image_resource", None)
    if resource is None:
        return ()
    # LlamaIndex keeps base64 there, whatever was handed in.
    data = None if resource.data is None else bytes(resource.data).decode("ascii", "replace")
    return _first(data, resource.path, None if resource.url is None else str(resource.url))


def images_of_query(query: QueryBundle) -> tuple[Image, ...]:
    """The image that a query names."""
    return images_of(query.image_path)


def without_image_data(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    """The nodes as events hold them: what carries the bytes of an image is copied without them."""
    return [
        node if bare is node.node else node.model_copy(update={"node": bare})
        for node, bare in ((node, _without_data(node.node)) for node in nodes)
    ]


def _without_data(node: BaseNode) -> BaseNode:
    if isinstance(node, ImageNode):
        held = [name for name in ("image", "image_url") if _is_data(name, getattr(node, name))]
        return node.model_copy(update=dict.fromkeys(held)) if held else node
    resource: Any = getattr(node, "image_resource", None)
    held = [] if resource is None else [name for name in ("data", "url") if _is_data(name, getattr(resource, name))]
    if not held:
        return node
    return node.model_copy(update={"image_resource": resource.model_copy(update=dict.fromkeys(held))})


def _is_data(name: str, value: Any) -> bool:
    """Whether a field holds the bytes of an image."""
    return bool(value) and (name in ("image", "data") or str(value).startswith("data:"))


def _first(data: str | None, path: Any, url: str | None) -> tuple[Image, ...]:
    return images_of(data, packed=True) if data else images_of(path or url)
