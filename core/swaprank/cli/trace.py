"""``swaprank trace``: what a reranker does with one query, stage by stage."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ..errors import InputError
from ..masking import printable
from ..runs import jsonl
from ..runs.streams import open_input
from ..types import Passage, Query
from .options import ConfigOption, RerankerOption, TopNOption, build


def trace(
    config: ConfigOption = None,
    reranker: RerankerOption = None,
    top_n: TopNOption = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="The query; with --passage.")] = None,
    passage: Annotated[list[str] | None, typer.Option("--passage", "-p", help="A candidate; repeatable.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", "-i", help="JSONL file as for swaprank rerank; - reads standard input.")
    ] = None,
    line: Annotated[int, typer.Option(min=1, help="Which line of it.")] = 1,
    texts: Annotated[bool, typer.Option("--texts", help="Show the beginnings of the passages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a reranker does with one query, stage by stage.

    Every stage has its candidates, scores, times, calls and tokens. What was mended, cut, cached or left undone,
    warnings and handled failures stand where they happened. Texts are shown only with --texts.
    """
    asked, passages = _job(query, passage, source, line)
    ranking = build(config, reranker, top_n).rerank(asked, passages)
    found = ranking.trace()
    shown = [one.content for one in passages] if texts else None
    if as_json:
        typer.echo(json.dumps(found.to_dict(shown), ensure_ascii=False))
        return
    Console(highlight=False).print(_tree(found.lines(shown)), soft_wrap=True)


def _job(query: str | None, passages: list[str] | None, source: Path | None, line: int) -> tuple[Query, list[Passage]]:
    if source is None and query is not None and passages:
        return Query(query), [Passage(text) for text in passages]
    if source is None or query is not None or passages:
        raise InputError("There is nothing to trace.", hint="Give --query and --passage, or --input FILE alone.")
    with open_input(source) as lines:
        found = next(islice(jsonl.jobs(lines), line - 1, None), None)
    if found is None:
        raise InputError(f"{str(source)!r} has no line {line}.")
    return found.query, list(found.passages)


def _tree(lines: list[str]) -> Tree:
    """The indented lines as branches."""
    root = Tree(Text(printable(lines[0]), style="bold"))
    branches = [root]
    for text in lines[1:]:
        depth = (len(text) - len(text.lstrip())) // 2
        stage = " in, " in text and " out, " in text
        del branches[depth:]
        branches.append(branches[-1].add(Text(printable(text.strip()), style="bold" if stage else "")))
    return root
