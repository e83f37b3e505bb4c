"""The recorded inputs of methods that read images."""

from __future__ import annotations

from typing import Any

import pytest

from swaprank import Image, Passage, Query, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Request
from tests.conftest import GOLDEN, MODELS, golden

INPUTS: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in golden("inputs-multimodal")}


def image(name: str) -> Image:
    return Image(GOLDEN / "images" / name)


def asked(name: str) -> tuple[Query, list[Passage]]:
    """The query and passages of a recorded input."""
    entry = INPUTS[name]
    shown = [image(entry["query_image"])] if entry.get("query_image") else []
    passages = [
        Passage(one.get("text", ""), one["id"], images=[image(one["image"])] if one.get("image") else [])
        for one in entry["documents"]
    ]
    return Query(entry["query"], images=shown), passages


def reranker(method: str, model: str, **config: Any) -> Reranker:
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu"}
    return Reranker({"method": method, "model": str(MODELS / model), "backend": backend, **config})


def answered(model: str, request: Request) -> Any:
    """What a tiny model answers to one request."""
    backend = TransformersBackend(str(MODELS / model), TransformersOptions(dtype="float32", device="cpu"))
    return backend.run([request])[0]


def check(ranker: Reranker, name: str, expected: list[float]) -> None:
    """The recorded scores, but of blank passages, which we ask no model about, and of 16-bit images, which we scale."""
    query, passages = asked(name)
    found = ranker.rerank(query, passages)
    compared = [
        place
        for place, one in enumerate(INPUTS[name]["documents"])
        if not passages[place].is_empty and one.get("image") != "sixteen_bit.png"
    ]
    assert len(compared) >= len(passages) - 1
    assert [found.scores[place] for place in compared] == pytest.approx([expected[p] for p in compared], abs=2e-5)
    assert found.warnings == []
