"""What follows from a method's family is said by the method, and obeyed by the scoring of groups and by the config."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.config import registry
from swaprank.errors import BackendError
from swaprank.requests import Generated, PairScored
from swaprank.testing import ScriptedBackend

METHODS = {name: registry.method(name).model_construct() for name in registry.names("method")}


@pytest.mark.parametrize("name", METHODS)
def test_the_properties_of_a_method_agree(name) -> None:
    method = METHODS[name]
    assert not (method.scores_alone and (method.depends_on_order or method.groups_stand_alone))
    assert method.scores_compare or method.groups_stand_alone


def test_permutations_are_refused_where_the_order_changes_nothing() -> None:
    backend = ScriptedBackend(lambda request: Generated("[1]"))
    Reranker({"method": "rankgpt", "model": "m", "permutations": 2}, backend=backend)
    with pytest.raises(ConfigError, match="permutations is 2"):
        Reranker({"method": "cross-encoder", "model": "m", "permutations": 2}, backend=backend)


def test_nothing_read_at_all_is_the_first_error_and_not_a_ranking() -> None:
    def fail(request):
        raise BackendError("out of order")

    reranker = Reranker({"method": "rankgpt", "model": "m", "on_error": "keep_order"}, backend=ScriptedBackend(fail))
    ranking = reranker.rerank("q", ["a", "b", "c"])
    assert ranking.order == [0, 1, 2]
    assert [(one.action, one.error) for one in ranking.failures] == [("keep_order", "out of order")]


def test_passages_scored_alone_share_their_batch_and_fail_alone() -> None:
    def score(request):
        return BackendError("no") if request.passage == "bb" else PairScored(float(len(request.passage)), "identity", 0)

    backend = ScriptedBackend(score)
    config = {"method": "cross-encoder", "model": "m", "on_error": "keep_order"}
    ranking = Reranker(config, backend=backend).rerank("q", ["a", "bb", "ccc"])
    assert ranking.order == [2, 0, 1]
    assert (backend.batches, len(ranking.calls)) == ([3], 1)
