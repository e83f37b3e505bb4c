"""What is read of a node, and a copy of it with what a reranker says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode

from swaprank.adapters import STALE


def content(node: BaseNode, mode: MetadataMode) -> str:
    """What is read of a node."""
    return node.get_content(metadata_mode=mode) or ""


def with_metadata(node: BaseNode, extra: Mapping[str, Any]) -> BaseNode:
    """A shallow copy of the node with more metadata, hidden from embedding models and LLMs."""
    kept = {key: value for key, value in node.metadata.items() if key not in STALE}
    embed, llm = node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys
    return node.model_copy(
        update={
            "metadata": {**kept, **extra},
            "excluded_embed_metadata_keys": embed + [key for key in extra if key not in embed],
            "excluded_llm_metadata_keys": llm + [key for key in extra if key not in llm],
        }
    )
