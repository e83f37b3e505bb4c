"""A query that would fill the prompt is cut where the config says so; without that it is an error, never a wrong prompt."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.errors import PromptTooLongError
from swaprank.methods import first, insertrank, rankgpt, rankvicuna, rankzephyr
from swaprank.types import Passage, Query
from tests.conftest import MODELS
from tests.methods.llm import BACKEND, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

LONG = "tea and coffee " * 400
TEXTS = ["green tea", "black coffee beans"]
LISTWISE = [
    rankgpt.METHOD(),
    rankzephyr.METHOD(),
    rankvicuna.METHOD(protocol="january-2024"),
    first.METHOD(),
    insertrank.METHOD(),
]


@pytest.mark.parametrize("method", ["monot5", "duot5"])
def test_of_a_t5(method) -> None:
    config = {"method": method, "model": str(MODELS / "tiny-t5"), "backend": BACKEND, "on_error": "raise"}
    with pytest.raises(PromptTooLongError, match="query_max_length"):
        Reranker(config).rerank(LONG, TEXTS)
    cut = Reranker(config, query_max_length=40)
    # One letter more or less behind the cut changes nothing, and a query within it is read whole.
    assert cut.rerank(LONG, TEXTS).scores == cut.rerank(LONG + " milk", TEXTS).scores
    assert cut.rerank("green tea", TEXTS).scores == Reranker(config).rerank("green tea", TEXTS).scores
    assert cut.rerank(LONG, TEXTS).scores != cut.rerank("milk " + LONG, TEXTS).scores


@pytest.mark.parametrize("method", LISTWISE, ids=lambda method: method.name)
def test_of_a_listwise_prompt(method) -> None:
    own = tokens("tiny-qwen2-lm")
    passages = [Passage(text) for text in TEXTS]
    with pytest.raises(PromptTooLongError):
        own.encode(method.prompt(Query(LONG), passages), 2000)
    cut = method.model_copy(update={"query_max_length": 40})
    ids = own.encode(cut.prompt(Query(LONG), passages), 2000).ids
    assert ids == own.encode(cut.prompt(Query(LONG + " milk"), passages), 2000).ids
    short = [own.encode(one.prompt(Query("green tea"), passages), 2000).ids for one in (method, cut)]
    assert short[0] == short[1]


def test_rank_llms_words_for_monot5_count_the_whole_query() -> None:
    with pytest.raises(ConfigError, match="query_max_length is for protocol: pygaggle, not rank_llm"):
        Reranker(method="monot5", model="m", protocol="rank_llm", query_max_length=40)
