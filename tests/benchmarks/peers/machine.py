"""Which machine, on which day, with which versions."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "swaprank", "torch", "transformers", "sentence-transformers", "onnxruntime", "openvino", "rerankers", "FlashRank",
    "FlagEmbedding", "fastembed", "llama-index-core", "langchain-community", "langchain-classic",
)  # fmt: skip
_TELLING = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    """The processor and what it multiplies in hardware, cores, memory, the date, and the versions of the contenders."""
    about = Path("/proc/cpuinfo").read_text()
    keys = dict(line.split(":", 1) for line in about.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in keys.items()}
    flags = set(fields.get("flags", "").split())
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": fields.get("model name", platform.processor()),
        "family": fields.get("cpu family", ""),
        "flags": [flag for flag in _TELLING if flag in flags],
        "cores": os.cpu_count(),
        "gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
