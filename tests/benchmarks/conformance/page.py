"""docs/conformance.md, written from what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .classes import Result

_HEAD = """# Conformance

What a reranker owes the people who put it into an application: nothing is lost, what they handed in stays as it was, scores are
numbers that fall with rank, async and threads give the same. `swaprank.testing` has a suite for each framework, for rerankers of any
origin:

```python
from swaprank.testing import check_compressor, check_postprocessor


def test_our_compressor(compressor):
    check_compressor(compressor)


def test_our_postprocessor(postprocessor):
    check_postprocessor(postprocessor, skip={"serialises"})
```

Give them a LangChain `BaseDocumentCompressor` that keeps every document, or a LlamaIndex `BaseNodePostprocessor` that keeps every node.
`skip` names promises that yours does not make. Both raise `AssertionError` with every promise that is broken. `compressor_findings` and `postprocessor_findings` return what became of
each promise instead of raising.

The tables below say how the frameworks' own classes do. `make conformance` installs them, asks them and writes this page. No
network is used: models are tiny or follow a script, hosted services are played by a server on the same machine, LLMs give well-formed replies,
and in the rows named "bad replies" name a passage twice and one that does not exist. A promise that a class never made, such as a score
of a class that only orders, counts as broken here: an application that changes its reranker meets it all the same."""


def page(results: Mapping[str, Sequence[Result]]) -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for framework, found in results.items():
        parts += [f"## {framework}", _table(found), _promises(found), f"### What was seen in {framework}", _seen(found)]
    return "\n\n".join(parts) + "\n"


def _promises(found: Sequence[Result]) -> str:
    asked = next(one for one in found if one.findings)
    lines = ["| promise | in words |", "|---|---|"]
    return "\n".join(lines + [f"| {one.name} | {one.promise} |" for one in asked.findings])


def _table(found: Sequence[Result]) -> str:
    lines = ["| class | package | kept | broken |", "|---|---|---:|---|"]
    for one in found:
        kept = f"{len(one.findings) - len(one.broken)} of {len(one.findings)}" if not one.absent else "not installed"
        broken = ", ".join(finding.name for finding in one.broken)
        lines.append(f"| {one.name} | {one.package} | {kept} | {broken} |")
    return "\n".join(lines)


def _seen(found: Sequence[Result]) -> str:
    lines = []
    for one in found:
        if one.broken:
            lines.append(f"- {one.name}")
            lines += [f"    - {finding.name}: {_plain(str(finding.problem))}" for finding in one.broken]
    return "\n".join(lines)


def _plain(problem: str) -> str:
    """In one line, with nothing that Markdown reads as its own."""
    text = " ".join(problem.split())
    for letter in "[]<>*_|`":
        text = text.replace(letter, f"\\{letter}")
    return text
