"""The promises, over every method there is."""

import pytest

from swaprank import Reranker, registry
from swaprank.backends.embedded import EmbeddedBackend
from swaprank.method import Method
from swaprank.stage import Limits
from swaprank.testing import check_backend, check_method, check_reranker


def config(name: str) -> dict[str, str]:
    needs_model = registry.method(name).takes_model == "required"
    return {"method": name, **({"model": "scripted"} if needs_model else {})}


@pytest.mark.parametrize("name", registry.names("method"))
def test_every_method_keeps_the_promises(name) -> None:
    check_method(config(name))


@pytest.mark.parametrize("name", registry.names("method"))
def test_every_method_is_named_after_its_file(name) -> None:
    method = registry.method(name)
    assert method.name == name
    assert method.source
    assert method.needs
    assert registry.strategy(method.strategy)
    assert method.needs <= registry.backend(method.backend).capabilities
    assert method.__doc__ != Method.__doc__


@pytest.mark.parametrize("name", registry.names("method"))
def test_option_names_do_not_collide(name) -> None:
    options = set(registry.method(name).model_fields)
    taken = {"method", "model", "strategy", "backend", "reranker", "on_error", *Limits.model_fields}
    taken |= {field for strategy in registry.names("strategy") for field in registry.strategy(strategy).model_fields}
    assert not options & taken


@pytest.mark.parametrize(
    "config", [None, "bm25", "lexical", "static-embedding", {"method": "bm25", "strategy": "one-by-one"}], ids=str
)
def test_everything_that_runs_without_a_download_keeps_the_promises(config) -> None:
    check_reranker(Reranker(config))


def test_the_embedded_backend() -> None:
    check_backend(EmbeddedBackend())
