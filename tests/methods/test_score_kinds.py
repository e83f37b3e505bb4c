"""Every method declares what its scores mean, and gives scores of that kind."""

from collections import defaultdict

import pytest

from swaprank import Reranker, ScoreKind
from swaprank.config import registry
from swaprank.testing import ScriptedBackend, arbitrary_response

TEXTS = ["green tea from the hills", "coffee", "black tea", "water that is hot"]
OPTIONS = {
    "bge-llm-reranker": [{}, {"activation": "sigmoid"}],
    "bge-llm-reranker-layerwise": [{}, {"activation": "sigmoid"}],
    "bge-llm-reranker-lightweight": [{}, {"activation": "sigmoid"}],
    "bi-encoder": [{}, {"similarity": "dot"}],
    "cross-encoder": [{"activation": "sigmoid"}, {"activation": "identity"}],
    "e2rank": [{}, {"mode": "embedding"}],
    "first": [{}, {"decoding": "generation"}],
    "ielab-listwise": [{}, {"scoring": "likelihood", "strategy": {"type": "sliding-window", "window_size": 10}}],
    "mxbai-rerank-v2": [{}, {"activation": "sigmoid"}],
    "nemotron-rerank": [{}, {"activation": "sigmoid"}],
    "qwen3-reranker": [{"activation": "identity"}, {"activation": "sigmoid"}],
    "setwise": [{}, {"scoring": "likelihood"}],
    "static-embedding": [{}, {"weighting": "idf", "window": 32}],
    "vector-refine": [{"embed_missing": True}],
    "zerank": [{}, {"activation": "identity"}],
}
CASES = [(name, options) for name in registry.names("method") for options in OPTIONS.get(name, [{}])]


def ranked(name: str, options: dict, count: int = len(TEXTS)):
    model = {"model": "scripted"} if registry.method(name).takes_model == "required" else {}
    real = registry.method(name).backend == "embedded"
    reranker = Reranker(
        {"method": name, **model, **options}, backend=None if real else ScriptedBackend(arbitrary_response)
    )
    return reranker, reranker.rerank("green tea", TEXTS[:count])


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_the_declared_kind_is_what_is_given(name, options) -> None:
    reranker, ranking = ranked(name, options)
    scale = reranker._stage.scale
    assert ranking.score_kind in scale.kinds or (
        not scale.absolute and ranking.score_kind in reranker._stage.ranker.method.score_kinds
    )
    assert all((one is not None) == scale.relevance for one in ranking.relevance)
    assert scale.evidence == set(ranking.evidence)
    if scale.absolute:
        # One passage alone is no other case.
        assert ranked(name, options, 1)[1].score_kind in scale.kinds


def test_every_built_in_method_says_what_it_gives() -> None:
    """Only the model's config knows the activation of a cross-encoder."""
    unsaid = [name for name, options in CASES if not ranked(name, options)[0]._stage.ranker.scale.kinds]
    assert unsaid == []
    assert Reranker(method="cross-encoder", model="m")._stage.ranker.scale.kinds == frozenset()


def test_relative_methods_are_those_that_compare() -> None:
    kinds = defaultdict(set)
    for name, options in CASES:
        scale = ranked(name, options)[0]._stage.ranker.scale
        kinds[scale.absolute, scale.relevance].add(name)
    assert kinds[False, True] == {"lexical"}  # its scores compare the list; its relevance is of other evidence
    assert kinds[True, False] == {"bm25", "dear-pointwise", "contextual-rerank-v2", "late-interaction", "bi-encoder"}
    assert {"rankgpt", "setwise", "pairwise", "pointwise-qlm", "icr", "first"} <= kinds[False, False]
    assert ScoreKind.RANK in Reranker(method="rankgpt", model="m")._stage.ranker.scale.kinds
