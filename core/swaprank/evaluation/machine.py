"""Where something was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .result import Machine


def this_machine() -> Machine:
    """This machine, without its name or user."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        python=platform.python_version(),
    )


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
