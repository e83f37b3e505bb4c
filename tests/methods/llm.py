"""What the parity tests of the language-model methods share."""

from __future__ import annotations

from typing import Any

from swaprank import Passage, Query, Ranking, Reranker
from swaprank.backends._tokens.tokens import Tokens
from swaprank.method import Method
from tests.conftest import MODELS, inputs

INPUTS = inputs()
BACKEND = {"type": "transformers", "dtype": "float32", "device": "cpu"}


def case_id(case: dict[str, Any]) -> str:
    """The input, the model and the settings of a recorded case."""
    settings = ("model", "max_length", "truncate_length", "max_output_tokens", "max_new_tokens")
    return "-".join([case["input"], *(str(case[key]) for key in settings if case.get(key) is not None)])


def texts(case: dict[str, Any]) -> list[str]:
    return [document["text"] for document in INPUTS[case["input"]]["documents"]]


def rerank(
    case: dict[str, Any], method: str, model: str, backend: dict[str, Any] | None = None, **options: Any
) -> Ranking:
    """The input of a case through a method; empty passages stay where the official codes put them."""
    config = {
        "method": method,
        "model": str(MODELS / model),
        "backend": {**BACKEND, **(backend or {})},
        "empty_passages": "score",
        **options,
    }
    return Reranker(config).rerank(INPUTS[case["input"]]["query"], texts(case))


def requests(case: dict[str, Any], method: Method) -> list[Any]:
    """What a method asks first about the input of a case."""
    query = Query(INPUTS[case["input"]]["query"])
    return next(method.steps(query, [Passage(text) for text in texts(case)]))


def tokens(model: str, **options: Any) -> Tokens:
    from transformers import AutoTokenizer

    return Tokens(AutoTokenizer.from_pretrained(MODELS / model), model, **options)


def same_ids(ids: list[int], recorded: Any) -> bool:
    """Whether ids are the recorded ones; long ones are recorded by their ends and their count."""
    if isinstance(recorded, list):
        return ids == recorded
    return (len(ids), ids[:50], ids[-50:]) == (recorded["count"], recorded["first_50"], recorded["last_50"])


def same_text(text: str, recorded: Any) -> bool:
    """Whether a text is the recorded one; long ones are recorded by their hash."""
    import hashlib

    if isinstance(recorded, str):
        return text == recorded
    return (len(text), hashlib.sha256(text.encode()).hexdigest()) == (recorded["chars"], recorded["sha256"])
