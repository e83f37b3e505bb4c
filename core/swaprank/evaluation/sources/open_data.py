"""Judged data in whatever form it comes: which reader reads it, and where its candidates come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...config.load import Source
from ...errors import ConfigError, InputError
from ...runs.evaluation import Dataset
from ...runs.judged_files import read_run
from ..first_stage import BM25, from_run, searched
from .beir import is_beir, read_beir, read_corpus, read_files
from .catalog import read_catalog
from .collection import Collection
from .judged_pools import is_judged_pools, read_judged_pools
from .mteb import is_mteb, read_mteb
from .questions import read_questions

_FORMS = (
    "Give a BEIR folder, a task folder of MTEB, a folder of NovelEval's form, a JSONL file of questions, or an id of "
    "ir_datasets."
)


@dataclass(frozen=True)
class DataOptions:
    """What to measure on.

    Attributes:
        data: A folder, a file, or an id of ir_datasets; None where `corpus`, `queries` and `qrels` say it.
        split: Which judgements of the data; None for ``test``, or the only ones. ``"all"`` for all of a BEIR folder.
        subset: Which language of a task of MTEB.
        run_name: Which run of a BEIR folder, ``runs/<run_name>.trec``; None for ``bm25``, or the only one.
        first_stage: ``"bm25"`` or an embedding recipe, config or model, to search with in any case; None for the data's
            own candidates, and BM25 where it has none.
        depth: Candidates per query.
        language: For BM25.
        run: A TREC run.
        qrels: Judgements in BEIR's or TREC's columns.
        corpus: JSONL of passages; also beside a file of questions.
        queries: JSONL of queries.
    """

    data: str | None = None
    split: str | None = None
    subset: str | None = None
    run_name: str | None = None
    first_stage: Source = None
    depth: int = 100
    language: str = "auto"
    run: Path | None = None
    qrels: Path | None = None
    corpus: Path | None = None
    queries: Path | None = None


def open_data(options: DataOptions, progress: Callable[[int, int], None] = lambda done, total: None) -> Dataset:
    """Queries, candidates and judgements.

    Args:
        options: Which data, and its first stage.
        progress: Told how many passages an embedding model has read, of how many.

    Raises:
        ConfigError: The options do not say which data, or the first stage embeds nothing.
        InputError: The data is missing, in no known form, or does not parse.
        MissingDependencyError: Its form needs an extra.
    """
    opened = _Opened(options, progress)
    if options.data is None:
        return opened.single_files()
    given = Path(options.data)
    if given.is_dir():
        return opened.folder(given)
    if given.is_file():
        return opened.questions(given)
    if given.suffix or given.is_absolute() or options.data.startswith("."):
        raise InputError(f"There is no file or folder {options.data!r}.", hint=_FORMS)
    return opened.catalog(options.data)


@dataclass(frozen=True)
class _Opened:
    """One reader per form."""

    options: DataOptions
    progress: Callable[[int, int], None]

    def folder(self, folder: Path) -> Dataset:
        options = self.options
        if options.subset is not None and (is_beir(folder) or is_judged_pools(folder)):
            raise InputError(
                f"The folder {str(folder)!r} has no subset {options.subset!r}: it is no task of MTEB.",
                hint="Leave --subset out.",
            )
        if is_beir(folder):
            return self._beir(folder)
        if is_judged_pools(folder):
            return self._search(read_judged_pools(folder))
        if is_mteb(folder):
            return self._search(read_mteb(folder, options.split, options.subset))
        raise InputError(f"The folder {str(folder)!r} holds no data in a known form.", hint=_FORMS)

    def single_files(self) -> Dataset:
        options = self.options
        if options.corpus is None or options.queries is None or options.qrels is None:
            raise ConfigError(
                "The data is incomplete.", hint="Give --data, or all of --qrels, --corpus and --queries, perhaps --run."
            )
        collection = read_files(corpus=options.corpus, queries=options.queries, qrels=options.qrels)
        if options.run is None or options.first_stage is not None:
            return self._search(collection)
        return replace(
            from_run(collection, read_run(options.run), options.depth, options.run.name), name=options.run.stem
        )

    def questions(self, file: Path) -> Dataset:
        corpus = None if self.options.corpus is None else read_corpus(self.options.corpus)
        return self._search(read_questions(file, corpus))

    def catalog(self, id_: str) -> Dataset:
        collection, run = read_catalog(id_)
        if run and self.options.first_stage is None:
            return from_run(collection, run, self.options.depth, "as ir_datasets has them")
        return self._search(collection)

    def _beir(self, folder: Path) -> Dataset:
        options = self.options
        run = self._run_of(folder) if options.first_stage is None else None
        collection = read_beir(folder, options.split)
        if run is None:
            return self._search(collection)
        return from_run(collection, read_run(run), options.depth, f"runs/{run.name}")

    def _run_of(self, folder: Path) -> Path | None:
        """The run of a BEIR folder; None where it has none and none was named."""
        runs = folder / "runs"
        if self.options.run_name is not None:
            return self._named_run(runs, self.options.run_name)
        known = sorted(runs.glob("*.trec"))
        if runs / "bm25.trec" in known or not known:
            return runs / "bm25.trec" if known else None
        if len(known) > 1:
            names = ", ".join(path.stem for path in known)
            raise InputError(f"{str(folder)!r} has the runs {names}.", hint="Name one: --run-name.")
        return known[0]

    def _named_run(self, runs: Path, name: str) -> Path:
        named = runs / f"{name}.trec"
        if not named.is_file():
            known = sorted(path.stem for path in runs.glob("*.trec"))
            raise InputError(
                f"{str(runs.parent)!r} has no run {name!r}: there is no file {str(named)!r}.",
                hint=f"There are: {', '.join(known)}." if known else "Leave --run-name out, and BM25 searches.",
            )
        return named

    def _search(self, collection: Collection) -> Dataset:
        options = self.options
        how = BM25 if options.first_stage is None else options.first_stage
        return searched(collection, how, depth=options.depth, language=options.language, progress=self.progress)
