"""docs/performance.md, written from what was measured."""

from __future__ import annotations

from typing import Any

from .contenders import CONTENDERS, DEFAULT, REFERENCE

# MiniLM-L6: multiply-adds of a token in the products with weights, and per pair of tokens in attention.
_WEIGHTS, _PAIRS = 6 * 12 * 384**2, 6 * 2 * 384
Found = dict[str, Any]


def page(found: Found) -> str:
    """The page in Markdown."""
    parts = [
        _head(found),
        _cases(found),
        _growth(found),
        _memory(found),
        _extras(found),
        _left_out(found),
        _method(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(found: Found) -> str:
    machine = found["machine"]
    gemm = found["gemm"]
    command = "make bench-peers ARGS='--quick --write'" if found["quick"] else "make bench-peers"
    return f"""# Performance

This page sets swaprank beside what one would install in its place: the same weights (all-MiniLM-L6-v2 with an untrained head), the same texts,
the same machine, in alternating order. `{command}` measures everything on this page and writes it; the data are in
[performance.json](performance.json).

Measured on {machine["date"]}: {machine["processor"]} (family {machine["family"]}), {machine["cores"]} cores,
{machine["gigabytes"]} GB, {machine["system"]}, {", ".join(machine["flags"])}. A product of two matrices of 2048 x 2048 reaches
{gemm["bfloat16"]:,.0f} GFLOP/s in bfloat16 and {gemm["float32"]:,.0f} in float32 there.

![Milliseconds and growth](performance.png)"""


def _cases(found: Found) -> str:
    tables = []
    for name, case in found["cases"].items():
        flop = 2 * (case["tokens"] * _WEIGHTS + case["tokens_squared"] * _PAIRS)
        ways = case["ways"]
        reference = ways[REFERENCE]["median"]
        lines = [
            f"### {_title(name, case)}",
            "",
            "| contender | ms, median | from - to | times as fast as sentence-transformers | GFLOP/s | share of bf16 peak | most MB |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for one in sorted(ways, key=lambda way: ways[way]["median"]):
            row = ways[one]
            speed = flop / row["median"] / 1e9
            lines.append(
                f"| {_bold(one)} | {row['median'] * 1e3:,.0f} | {min(row['seconds']) * 1e3:,.0f} - "
                f"{max(row['seconds']) * 1e3:,.0f} | {reference / row['median']:.2f} | {speed:,.0f} | "
                f"{speed / found['gemm']['bfloat16']:.0%} | {row['megabytes']:,.0f} |"
            )
        tables.append("\n".join(lines))
    return "## One query\n\n" + "\n\n".join(tables)


def _title(name: str, case: Found) -> str:
    names = {"20 x 300": "20 passages of 300 tokens"}
    return f"{names.get(name, name.replace('mixed', 'passages of mixed length'))}, {case['tokens']:,} tokens"


def _bold(name: str) -> str:
    return f"**{name}**" if name.startswith("swaprank") else name


def _growth(found: Found) -> str:
    titles = {
        "passages": "Passages under one query (60 words each)",
        "queries": "Queries with 10 passages each (`rerank_many`; all pairs in one call of sentence-transformers)",
        "callers": "Threads that call at the same time, 10 passages each",
    }
    tables = []
    for what, rows in found["growth"].items():
        names = [name for name in CONTENDERS if any(name in row for row in rows.values())]
        lines = [f"### {titles[what]}", "", f"| {what} | " + " | ".join(_bold(name) for name in names) + " |"]
        lines.append("|---:|" + "---:|" * len(names))
        for size, row in rows.items():
            cells = [_cell(row.get(name)) for name in names]
            lines.append(f"| {int(size):,} | " + " | ".join(cells) + " |")
        tables.append("\n".join(lines))
    about = "Seconds, median."
    if "failed" in "".join(tables):
        about += " Where it says failed, a call raised an error: OpenVINO's model answers one caller at a time."
    return f"## Growth\n\n{about}\n\n" + "\n\n".join(tables)


def _cell(row: Found | None) -> str:
    return "failed" if row is None else f"{row['median']:.3f}"


def _memory(found: Found) -> str:
    rows = found["memory"]["rows"]
    names = [name for name in CONTENDERS if any(name in row for row in rows.values())]
    lines = [
        f"## Memory\n\nThe most megabytes that a fresh process holds while it reranks {found['memory']['passages']:,} passages "
        "under one query, with the libraries and the model.\n",
        "| passages of | " + " | ".join(_bold(name) for name in names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for title, row in rows.items():
        cells = [f"{row[name]:,.0f}" if name in row else "failed" for name in names]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _extras(found: Found) -> str:
    lines = []
    extras = found["extras"]
    for name, what in (("short", "of 20 words"), ("abstracts", "of 200 words"), ("mixed", "of 30 to 480 words")):
        row = extras.get(name, {})
        if len(row) == 2:
            ours, other = row["swaprank, embedded default"]["median"], row["FlashRank, TinyBERT size"]["median"]
            lines.append(
                f"- 100 passages {what}: the embedded default takes {ours * 1e3:.0f} ms, FlashRank with a network of "
                f"TinyBERT's size {other * 1e3:.0f} ms: {other / ours:.1f} times as long."
            )
    if "cache" in extras:
        first, again = extras["cache"]["first"], extras["cache"]["again"]
        lines.append(
            f"- `cache: {{type: memory}}`, 100 passages: {first * 1e3:,.0f} ms, and asked again {again * 1e3:.1f} ms: "
            f"{first / again:,.0f} times as fast."
        )
    if "budget" in extras:
        took = ", ".join(f"{seconds * 1e3:.0f}" for seconds in extras["budget"])
        lines.append(f"- `budget: {{seconds: 0.3}}` with 400 passages of mixed length: {took} ms.")
    return "## What else there is\n\n" + "\n".join(lines) if lines else ""


def _left_out(found: Found) -> str:
    if not found["left_out"]:
        return ""
    rows = [f"- {name}: {' '.join(reason.split())}" for name, reason in found["left_out"].items()]
    return "## Left out\n\n" + "\n".join(rows)


def _method(found: Found) -> str:
    apart = ", ".join(f"{name} {value:.0e}" for name, value in found["apart"].items())
    versions = ", ".join(f"{name} {version}" for name, version in found["machine"]["versions"].items())
    return f"""## How it is measured

- Each contender is loaded in a process of its own, and called as its documentation says, with its defaults; {DEFAULT} is
  `method: cross-encoder` with nothing set. All take turns, in a new order each round. Times are medians; the least and the most
  stand beside them.
- Before anything is timed, the probabilities of 24 passages are compared with those of sentence-transformers. The largest
  differences: {apart}.
- FLOPs count the products with weights and attention for the tokens of the pairs, and nothing for padding; the share is of the
  bfloat16 product above, also for contenders in float32.
- Memory is the most that the process held during the calls, with the libraries and the model.
- Texts are random words that are one token each. FlashRank and fastembed load their models from a hub, which is not to be had here:
  they are given our own ONNX export of the same weights, under a name that they know, and FlashRank's published models are
  quantized besides. OpenVINO computes in bfloat16 by itself where the processor can.
- The environment has transformers 4, because the packages behind ONNX and OpenVINO want it. Versions: {versions}."""
