"""The result of an evaluation: what ``swaprank eval --json`` prints, and what reports read.

An `Evaluation` holds all that a table or a page needs: the mean and the value of every query for each measure, the time
of every query, its ranking with scores, the model calls, and the tests of significance.
``Evaluation.model_validate_json(text)`` reads a file, ``evaluation.model_dump_json()`` writes one, and
``Evaluation.model_json_schema()`` is its JSON Schema. Times are in seconds.

`VERSION` rises when a field changes its meaning or goes away; new fields with a default do not raise it, and readers
ignore fields that they do not know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import InputError
from .query_result import InnerSearch as InnerSearch
from .query_result import PassageText as PassageText
from .query_result import QueryResult as QueryResult
from .query_result import Question as Question

VERSION: Final = 1
FIRST_STAGE = "first stage"


class _Value(BaseModel):
    """Frozen, and open to fields of later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DatasetInfo(_Value):
    """What was measured on.

    Attributes:
        name: For people.
        source: The folder, file or id that was given.
        split: The split of the judgements; empty where the data has none.
        first_stage: Where the candidates come from, such as ``"bm25 (built here)"`` or ``"runs/bm25.trec"``.
        depth: Most candidates per query.
        queries: Judged queries; the means are over these.
        candidates: Mean number of candidates per judged query.
    """

    name: str
    source: str = ""
    split: str = ""
    first_stage: str = ""
    depth: int
    queries: int
    candidates: float


class Machine(_Value):
    """Where it was measured; latencies mean nothing without it.

    Attributes:
        system: Operating system and architecture.
        processor: The processor's name where the system tells it.
        cpus: Cores that this process may use.
        python: Version of Python.
    """

    system: str
    processor: str
    cpus: int
    python: str


class Latency(_Value):
    """Seconds of reranking one query, without loading models.

    Attributes:
        mean: Over the queries that have candidates.
        p50: The median.
        p95: 95 of 100 queries take no longer.
        highest: The slowest query.
        batch_size: How many queries were reranked together; above 1 the figures are equal shares of batches.
    """

    mean: float
    p50: float
    p95: float
    highest: float
    batch_size: int = 1


class Work(_Value):
    """What all queries together took.

    Attributes:
        requests: Requests to models.
        cached: How many of them a cache answered.
        input_tokens: Tokens read, where the backend counts them.
        output_tokens: Tokens written.
        billed_units: What hosted services say they bill.
        cut: Passages that were cut to fit a model.
        repairs: Places of model output that had to be mended.
        failures: Failures that ``on_error`` handled.
    """

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    billed_units: float = 0.0
    cut: int = 0
    repairs: int = 0
    failures: int = 0


class Cost(_Value):
    """Money, by the price table of the config.

    Attributes:
        amount: For all queries of this evaluation.
        currency: As the price table has it.
        per_1000_queries: The same for a thousand such queries.
    """

    amount: float
    currency: str
    per_1000_queries: float


class Row(_Value):
    """One reranker, or the first stage, which is always the first row.

    Attributes:
        name: File or recipe, and what differs where two would have the same name.
        kind: ``"first-stage"`` or ``"reranker"``.
        config: The config, without secrets; empty for the first stage.
        error: Why there are no figures; empty where all went well.
        measures: Mean of each measure over all judged queries; empty after an error.
        intervals: For each measure the 95 % confidence interval of the mean, by bootstrap over the queries.
        latency: None for the first stage and after an error.
        work: Sums over the queries.
        cost: None where the config has no prices.
        queries: By query id; a query without candidates has measures and an empty ranking.
    """

    name: str
    kind: Literal["first-stage", "reranker"]
    config: dict[str, Any] = {}
    error: str = ""
    measures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    latency: Latency | None = None
    work: Work = Work()
    cost: Cost | None = None
    queries: dict[str, QueryResult] = {}


class Comparison(_Value):
    """One row against another on one measure, query by query.

    Attributes:
        row: Name of the row.
        against: Name of the row that it is compared with: the first stage, or the best of this measure.
        role: ``"first-stage"`` or ``"best"``, which of the two `against` is.
        measure: The measure.
        difference: Mean of `row` minus mean of `against`.
        p: Two-sided p-value of that test.
        p_holm: The same after Holm's correction over all rows of one measure and role.
        test: ``"randomisation"`` (paired, signs flipped) or ``"t-test"`` (paired).
        wins: Queries on which `row` is better.
        losses: Queries on which `against` is better.
        ties: Queries on which they are equal.
    """

    row: str
    against: str
    role: Literal["first-stage", "best"]
    measure: str
    difference: float
    p: float
    p_holm: float
    test: Literal["randomisation", "t-test"]
    wins: int
    losses: int
    ties: int


class Evaluation(_Value):
    """All rows of one evaluation; see the module.

    Attributes:
        format: Always ``"swaprank-evaluation"``.
        version: `VERSION`.
        swaprank: Version of the package that measured.
        dataset: What was measured on.
        machine: Where.
        measures: Names in ir-measures' syntax (and ``INQUIRE_AP``); the first one decides which row is best.
        seed: Of the randomisation test and the bootstrap.
        rows: The first stage, then the rerankers in the order in which they were given.
        comparisons: Every reranker against the first stage and against the best row, for every measure.
        questions: Judged queries by id.
        passages: Candidates by id, with ``--texts`` or ``--images``; else empty.
    """

    format: Literal["swaprank-evaluation"] = "swaprank-evaluation"
    version: Literal[1] = VERSION
    swaprank: str
    dataset: DatasetInfo
    machine: Machine
    measures: list[str]
    seed: int = 0
    rows: list[Row]
    comparisons: list[Comparison] = []
    questions: dict[str, Question] = {}
    passages: dict[str, PassageText] = {}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a result file.

        Raises:
            InputError: It cannot be read, or is no result of a version that is known here.
        """
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            why = f"{where}: {first['msg']}" if where else first["msg"]
            raise InputError(
                f"{str(path)!r} is no result of swaprank eval (version {VERSION}): {why}.",
                hint="Write one with: swaprank eval ... --json > result.json",
            ) from error

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises:
            InputError: There is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"There is no row {name!r}.", hint=f"There are: {', '.join(row.name for row in self.rows)}.")
