"""The images of nodes and queries, as swaprank reads them; nothing is opened or fetched."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseNode, ImageNode, QueryBundle

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


def _first(data: str | None, path: Any, url: str | None) -> tuple[Image, ...]:
    return images_of(data, packed=True) if data else images_of(path or url)
