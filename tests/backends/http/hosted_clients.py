"""Rerankers of hosted services that ask a fake server, and their keys."""

from __future__ import annotations

from typing import Any

import pytest

from swaprank import Reranker
from swaprank.backends.http.services import SERVICES
from tests.backends.http.hosted_services import DOCUMENTED


def hosted(name: str, url: str, model: str = "", **options: Any) -> Reranker:
    """A reranker of a service, at another address."""
    service = DOCUMENTED[name]
    backend = {"type": "http", "api": name, "base_url": url, "retries": 0, **service.options, **options}
    return Reranker(method="cross-encoder", model=model or service.model, backend=backend)


def sign_in(name: str, monkeypatch: pytest.MonkeyPatch, key: str = "k") -> None:
    """Put the key of a service into the environment."""
    if SERVICES[name].keys:
        monkeypatch.setenv(SERVICES[name].keys[0], key)
        return
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"secret of {key}")


def sign_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the keys, regions and projects of all services out of the environment."""
    for service in SERVICES.values():
        for name in (*service.keys, *service.regions, *service.projects):
            monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
