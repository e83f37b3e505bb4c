"""What a server counts, for Prometheus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..types import Ranking
from .replies import tokens

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# By this name prometheus_client finds the folder in which several workers count together.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PASSAGES = (1, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Counters of one worker; with `SHARED_FOLDER` in the environment, of all workers together."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "swaprank_requests", "Requests by status.", ["model", "path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "swaprank_request_seconds",
            "Wall time of answered requests.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._passages = Histogram(
            "swaprank_request_passages", "Passages of a request.", ["model"], buckets=_PASSAGES, registry=registry
        )
        self.in_progress = Gauge(
            "swaprank_requests_in_progress",
            "Requests in progress.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._tokens = Counter("swaprank_tokens", "Tokens read and written.", ["model", "direction"], registry=registry)
        self._handled = Counter(
            "swaprank_handled_failures", "Failures that a policy handled.", ["model", "action"], registry=registry
        )
        self._reloads = Counter(
            "swaprank_config_reloads", "Config files read anew.", ["model", "result"], registry=registry
        )

    def answered(self, model: str, ranking: Ranking, passages: int, seconds: float) -> None:
        """Count what was computed for a request."""
        self._seconds.labels(model).observe(seconds)
        self._passages.labels(model).observe(passages)
        for direction, count in zip(("input", "output"), tokens(ranking), strict=True):
            self._tokens.labels(model, direction).inc(count)
        for failure in ranking.failures:
            self._handled.labels(model, failure.action).inc()

    def replied(self, model: str, path: str, status: int) -> None:
        """Count a reply; the model is empty where the request names none that is served."""
        self._requests.labels(model, path, str(status)).inc()

    def reloaded(self, model: str, *, well: bool) -> None:
        """Count a config file that changed."""
        self._reloads.labels(model, "ok" if well else "error").inc()

    def text(self) -> tuple[bytes, str]:
        """All counters in Prometheus' text format, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._collected()), CONTENT_TYPE_LATEST

    def _collected(self) -> CollectorRegistry:
        """This worker's registry, or one of what all workers have written."""
        folder = os.environ.get(SHARED_FOLDER)
        if not folder:
            return self._registry
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for pid in _dead(Path(folder)):
            mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
        return together


def _dead(folder: Path) -> set[int]:
    """The workers that were killed and whose requests are not in progress any more."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_livesum_*.db")}
    return {pid for pid in pids if not _runs(pid)}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
