"""Odd texts, chosen after the methods were written, are asked about and scored as by the official codes."""

import hashlib
import random

import pytest

from swaprank import Reranker
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import MODELS, golden
from tests.methods.recorded import messages, neutral, same_text

RECORDED = golden("unseen")
CPU = {"device": "cpu", "dtype": "float32"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def written_out(texts: list) -> list[str]:
    """The texts; the long one is recorded by its number of words."""
    return [text if isinstance(text, str) else " ".join(f"word{i}" for i in range(text["words"])) for text in texts]


QUERIES, PASSAGES = written_out(RECORDED["queries"]), written_out(RECORDED["passages"])
LISTWISE = {
    "rankgpt": {"method": "rankgpt"},
    "rankzephyr": {"method": "rankzephyr", "protocol": "rank_llm"},
    "setwise": {"method": "setwise", "strategy": "all-at-once"},
}


@pytest.mark.parametrize("name", LISTWISE)
def test_prompts_are_the_official_ones_to_the_letter(name) -> None:
    config = {"model": "scripted", "empty_passages": "score", **LISTWISE[name]}
    for query, recorded in zip(QUERIES, RECORDED["prompts"][name], strict=True):
        backend = ScriptedBackend(neutral)
        Reranker(config, backend=backend).rerank(query, PASSAGES)
        said = "".join(f"<|{role}|>\n{content}\n" for role, content in messages(backend.requests[0].prompt))
        assert same_text(said, recorded), query


@pytest.mark.parametrize("case", RECORDED["replies"], ids=lambda case: repr(case["raw"])[:30])
def test_odd_replies_are_read_as_rankgpt_reads_them(case) -> None:
    config = {"method": "rankgpt", "model": "scripted", "official_parser": True}
    backend = ScriptedBackend(lambda _: Generated(case["raw"]))
    ranking = Reranker(config, backend=backend).rerank("query", [f"text {place}" for place in range(case["n"])])
    assert ranking.order == case["order"]


def picked(request) -> Generated:
    """What the recorded oracle writes: any label, at times one that is not shown."""
    shown = [part.text for part in request.prompt.messages[0].content if not isinstance(part, str)][1:]
    chance = random.Random(hashlib.sha256("|".join(shown).encode()).hexdigest())
    return Generated(" " + chance.choice([*LETTERS[: len(shown)], "?", "Z"]))


@pytest.mark.parametrize(
    "case", RECORDED["setwise_orders"], ids=lambda case: f"{case['n']}-{case['num_child']}-{case['k']}"
)
def test_setwise_sorts_by_unreliable_picks_as_officially(case) -> None:
    config = {"method": "setwise", "model": "scripted", "num_child": case["num_child"], "k": case["k"]}
    ranking = Reranker(config, backend=ScriptedBackend(picked)).rerank("q", [f"doc {i}" for i in range(case["n"])])
    assert ranking.order == case["order"]


@pytest.mark.torch
@pytest.mark.parametrize("name", RECORDED["scores"])
def test_scores_are_the_official_ones(name) -> None:
    pytest.importorskip("transformers")
    recorded = RECORDED["scores"][name]
    given = [PASSAGES[place] for place in recorded["passages"]]
    reranker = Reranker({**recorded["config"], "model": str(MODELS / recorded["model"]), "backend": CPU})
    queries = [QUERIES[place] for place in recorded["queries"]]
    for ranking, scores in zip(reranker.rerank_many(queries, [given] * len(queries)), recorded["scores"], strict=True):
        own = {passage.index: passage.score for passage in ranking.passages}
        assert [own[place] for place in range(len(given))] == pytest.approx(scores, abs=1e-4)
