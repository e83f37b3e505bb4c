"""``swaprank demo``: the bundled sample, reranked inside LlamaIndex, LangChain or both."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config.load import Source, load
from ..config.secrets import without_secrets
from ..errors import require
from ..masking import printable
from ..runs.evaluation import Dataset, Run, load_beir, measure
from .options import ConfigOption, RerankerOption

MEASURE = "nDCG@10"
LANGUAGES = {"en": "English", "ar": "Arabic"}
_SHOWN = 3


def demo(
    config: ConfigOption = None,
    reranker: RerankerOption = None,
    examples: Annotated[int, typer.Option(min=0, help="Queries to show before and after.")] = 1,
) -> None:
    """Rerank a bundled sample and show what it brings.

    The sample is a cut of XQuAD; it is reranked inside the frameworks that are installed. The candidates come from
    a first stage that counts shared words; the reranker is the embedded default, or the one that --config or
    --reranker names. The queries shown are those whose answer moves up most.
    """
    source: Source = config if config is not None else reranker
    console = Console()
    inside = {name: run for name, (package, run) in FRAMEWORKS.items() if find_spec(package)}
    if not inside:
        inside = {"LlamaIndex": in_llamaindex}  # says what is missing
    heads = (f"in {name}" for name in inside)
    summary = Table("", "first stage", *heads, title=f"{MEASURE}, mean over the queries")
    for code, language in LANGUAGES.items():
        data = sample(code)
        runs = {name: run(data, source) for name, run in inside.items()}
        shown = next(iter(runs.values()))
        for query in sorted(data.queries, key=lambda query: _climb(data, query, shown), reverse=True)[:examples]:
            console.print(_before_and_after(data, query, shown, language))
        first = measure(data.first_stage(), data, [MEASURE], name="first stage").measures[MEASURE]
        after = [measure(run, data, [MEASURE], name=name).measures[MEASURE] for name, run in runs.items()]
        cells = [f"{one:.4f} ({one - first:+.4f})" for one in after]
        summary.add_row(f"{language} ({len(data.queries)} queries)", f"{first:.4f}", *cells)
    console.print(summary)
    console.print(printable(f"Reranker: {without_secrets(load(source))}"), highlight=False, markup=False)
    console.print(
        "Next: swaprank demo -r bm25, or one of swaprank recipes; swaprank eval measures it on your own data.",
        highlight=False,
        markup=False,
    )


def sample(language: str) -> Dataset:
    """The bundled cut of XQuAD in ``"en"`` or ``"ar"``; see sample/README.md."""
    with resources.as_file(resources.files("swaprank") / "sample" / language) as folder:
        return load_beir(Path(folder), run="overlap")


def in_llamaindex(data: Dataset, source: Source) -> Run:
    """Every query through a LlamaIndex query engine whose postprocessor reranks."""
    purpose = "The demo in LlamaIndex"
    require("llama_index.core", extra="llamaindex", purpose=purpose)
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers.no_text import NoText
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

    postprocessor = require("llamaindex_rerankers", extra="llamaindex", purpose=purpose).Reranker(source)

    class Candidates(BaseRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            return [
                NodeWithScore(node=TextNode(text=passage.text, id_=str(passage.id)), score=passage.score)
                for passage in data.candidates[ids[query_bundle.query_str]]
            ]

    ids = {text: query for query, text in data.queries.items()}
    engine = RetrieverQueryEngine(
        Candidates(), response_synthesizer=NoText(llm=MockLLM()), node_postprocessors=[postprocessor]
    )
    return _run(data, lambda text: [node.node_id for node in engine.query(text).source_nodes])


def in_langchain(data: Dataset, source: Source) -> Run:
    """Every query through a LangChain retriever that reranks what another one finds."""
    purpose = "The demo in LangChain"
    require("langchain_core", extra="langchain", purpose=purpose)
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    reranker = require("langchain_rerankers", extra="langchain", purpose=purpose).Reranker(source)

    class Candidates(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            return [
                Document(page_content=passage.text, id=passage.id, metadata={"score": passage.score})
                for passage in data.candidates[ids[query]]
            ]

    ids = {text: query for query, text in data.queries.items()}
    retriever = reranker.as_retriever(Candidates())
    return _run(data, lambda text: [str(document.id) for document in retriever.invoke(text)])


def _run(data: Dataset, retrieve: Callable[[str], list[str]]) -> Run:
    run: Run = {}
    for query, text in data.queries.items():
        found = retrieve(text)
        run[query] = {passage: float(len(found) - place) for place, passage in enumerate(found)}
    return run


def _climb(data: Dataset, query: str, run: Run) -> int:
    """How many ranks the first relevant passage moves up, where it reaches the top three; else 0 or less."""
    before = [str(passage.id) for passage in data.candidates[query]]
    ranks = [
        next((rank for rank, one in enumerate(order) if data.qrels[query].get(one, 0)), len(order))
        for order in (before, list(run[query]))
    ]
    return ranks[0] - ranks[1] if ranks[1] < _SHOWN else min(0, ranks[0] - ranks[1])


def _before_and_after(data: Dataset, query: str, run: Run, language: str) -> Table:
    table = Table(title=f"{language}: {data.queries[query]}", title_justify="left", show_lines=True)
    for head in ("rank", "first stage", "reranked"):
        table.add_column(head, ratio=None if head == "rank" else 1)
    texts = {passage.id: passage.text for passage in data.candidates[query]}
    before = [str(passage.id) for passage in data.candidates[query]][:_SHOWN]
    for rank, pair in enumerate(zip_longest(before, list(run[query])[:_SHOWN]), start=1):
        table.add_row(str(rank), *(_cell(texts[one], data.qrels[query].get(one, 0)) if one else "" for one in pair))
    return table


def _cell(text: str, relevance: int) -> str:
    shown = text if len(text) <= 120 else f"{text[:120]}…"
    return f"[bold green]✔ {escape(shown)}[/]" if relevance else escape(shown)


FRAMEWORKS = {"LlamaIndex": ("llama_index", in_llamaindex), "LangChain": ("langchain_core", in_langchain)}
