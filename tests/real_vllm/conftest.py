"""Engines for the tests with the real vLLM; every test in this folder is skipped where it is not installed."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.real_vllm.widened import widened

# Before vLLM is imported: engines in this process, and no look at the hub.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

OPTIONS: dict[str, Any] = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 64 << 20}
INSTALLED = importlib.util.find_spec("vllm") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("vllm")
            if not INSTALLED:
                item.add_marker(pytest.mark.skip(reason="vLLM is not installed: make test-vllm"))


class Widened:
    """Stands where the tests look for the folder of the models."""

    def __truediv__(self, name: str) -> str:
        return widened(name)


@cache
def vllm(model: str, **options: Any) -> Any:
    """A backend that stays: engines take seconds to start, and the tests share them."""
    from swaprank.backends.vllm.backend import VllmBackend
    from swaprank.backends.vllm.options import VllmOptions

    return VllmBackend(model, VllmOptions(**{**OPTIONS, **options}))


@cache
def transformers(model: str, **options: Any) -> Any:
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    return TransformersBackend(model, TransformersOptions(dtype="float32", device="cpu", **options))
