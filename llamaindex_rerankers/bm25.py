"""A BM25 index of what a LlamaIndex docstore, index or list of nodes holds."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any

from llama_index.core.indices.base import BaseIndex
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.storage.docstore.types import BaseDocumentStore

from swaprank import BM25Index, Passage

from .node_content import content


def bm25_index(
    source: BaseIndex[Any] | BaseDocumentStore | Iterable[BaseNode],
    path: str | PathLike[str],
    *,
    metadata_mode: MetadataMode | str = MetadataMode.NONE,
    **options: Any,
) -> BM25Index:
    """Index the nodes into a folder, for ``{method: bm25, collection: <folder>}``; later calls read only what changed.

    Args:
        source: An index, its docstore, or nodes. An index over a vector store that keeps the texts itself has an empty
            docstore: give the nodes.
        path: The folder.
        metadata_mode: As the reranker's, so that nodes are found again by what is read of them.
        options: Fields of `swaprank.requests.Analysis`, such as ``language="de"``.

    Raises:
        swaprank.ConfigError: An unknown option.
        swaprank.InputError: There is nothing to index.
    """
    store = source.docstore if isinstance(source, BaseIndex) else source
    nodes = store.docs.values() if isinstance(store, BaseDocumentStore) else store
    mode = MetadataMode(metadata_mode)
    return BM25Index.ensure((Passage(content(node, mode), id=node.node_id) for node in nodes), path, **options)
