"""The images of documents, as swaprank reads them; nothing is opened or fetched."""

from __future__ import annotations

from langchain_core.documents import Document

from swaprank import Image, InputError
from swaprank.adapters import images_of

_KEYS = ("image", "image_base64", "image_path", "image_url")


def images_of_document(document: Document, key: str | None, *, content: bool) -> tuple[Image, ...]:
    """The images of a document.

    Args:
        document: The document.
        key: The metadata key of its images; None for the first of the usual ones that there is.
        content: Whether its text is the base64 of an image.

    Raises:
        InputError: What stands under `key` is no image.
    """
    if content:
        return images_of(document.page_content, packed=True)
    if key is not None:
        return images_of(document.metadata.get(key), packed=key == "image_base64")
    found = next((one for one in _KEYS if document.metadata.get(one)), None)
    if found is None:
        return ()
    try:
        return images_of(document.metadata[found], packed=found == "image_base64")
    except InputError:
        # Nobody said that this is an image.
        return ()
