"""The figure of docs/performance.md."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def plot(found: dict[str, Any], target: Path) -> None:
    """Write a PNG: milliseconds of 100 passages, and how they grow with passages and callers."""
    importlib.import_module("matplotlib").use("Agg")
    figures: Any = importlib.import_module("matplotlib.pyplot")
    figure, (bars, *lines) = figures.subplots(1, 3, figsize=(15, 4.6), width_ratios=(1.5, 1, 1))
    ways = found["cases"]["100 mixed"]["ways"]
    names = sorted(ways, key=lambda name: -ways[name]["median"])
    colours = ["tab:orange" if name.startswith("swaprank") else "tab:blue" for name in names]
    bars.barh(names, [ways[name]["median"] * 1e3 for name in names], color=colours)
    bars.set_title("100 passages of mixed length (ms, median)")
    for axes, what in zip(lines, ("passages", "callers"), strict=True):
        rows = found["growth"][what]
        for name in next(iter(rows.values())):
            sizes = [int(size) for size, row in rows.items() if name in row]
            axes.plot(sizes, [rows[str(size)][name]["median"] for size in sizes], marker="o", label=name)
        axes.set_title(f"{what} of 60 words" if what == "passages" else "concurrent callers, 10 passages each")
        axes.set_xlabel(what)
        axes.set_ylabel("seconds, median")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
    lines[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
