"""The documents of a collection: what they are known by, and what their texts are recognised by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..masking import shown
from ..types import Passage, readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

Documents = Iterable[str | Passage]


def documents_by_id(documents: Documents) -> dict[str, Passage]:
    """The documents by their ids; one without an id is known by the hash of its text.

    Raises:
        InputError: There is something else than texts and passages, or an id that is not a text.
    """
    if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
        raise InputError(f"The documents are {shown(documents)}.", hint="Give a list of texts or passages.")
    found: dict[str, Passage] = {}
    for place, document in enumerate(documents):
        passage = Passage(document) if isinstance(document, str) else document
        if not _is_passage(passage):
            raise InputError(f"Document {place} is {shown(document)}, neither a text nor a Passage.")
        if passage.id is not None and not isinstance(passage.id, str):
            raise InputError(f"Document {place} has the id {shown(passage.id)}, which is not a text.")
        found[f"{_key(passage.content):016x}" if passage.id is None else passage.id] = passage
    return found


def _is_passage(document: object) -> bool:
    return isinstance(document, Passage) and isinstance(document.text, str)


def text_keys(texts: Iterable[str]) -> NDArray[np.uint64]:
    """A hash of each text [texts]: 64 bits, the same on every machine."""
    return np.array([_key(text) for text in texts], dtype=np.uint64)


def _key(text: str) -> int:
    return int.from_bytes(blake2b(readable(text).encode(), digest_size=8).digest(), "little")
