"""Parity of GroupRank with Diver's script, and what it loses."""

import pytest

from swaprank import InputError, Passage, Reranker
from swaprank.methods.grouprank import scores
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import INPUTS, messages, same_text, texts

RECORDED = golden("grouprank")


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"{case['input']}-{case['config']['group_size']}")
def test_prompts(case) -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    options = {"group_size": case["config"]["group_size"], "interval": case["config"]["interval"]}
    reranker = Reranker({"method": "grouprank", "model": "scripted", **options}, backend=backend)
    reranker.rerank(INPUTS[case["input"]]["query"], texts(case["input"]))
    assert len(backend.batches) == 1
    for request, recorded in zip(backend.requests, case["prompts"], strict=True):
        for (role, said), turn in zip(messages(request.prompt), recorded, strict=True):
            assert role == turn["role"]
            assert same_text(said, turn["content"])


# Official losses: a group of zeros, a crash on a score in quotes, [0] read as the last.
OURS = {
    '<answer>{"[4]": 5, "[1]": 1}</answer>': [0.1, None, None],
    '<answer>{"[1]": "8", "[2]": 3}</answer>': [0.8, 0.3, None],
    '<answer>{"[0]": 9, "[1]": 1}</answer>': [0.1, None, None],
    '<answer>{"[1]": null, "[2]": 2}</answer>': [None, 0.2, None],
}


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
def test_replies(case) -> None:
    found = scores(case["raw"], case["n"])
    if case["raw"] in OURS:
        assert found == OURS[case["raw"]]
    elif case["parse_failed"]:
        assert found == [None] * case["n"]
    else:
        recorded = dict(case["group_scores"])
        assert found == pytest.approx([recorded.get(f"d{number}") for number in range(1, case["n"] + 1)])


def ranked(raw: str, passages, **options):
    backend = ScriptedBackend(lambda request: Generated(raw))
    return Reranker({"method": "grouprank", "model": "scripted", **options}, backend=backend).rerank("query", passages)


def test_unnamed_passages_follow_their_group_and_are_counted() -> None:
    ranking = ranked('<reason> r </reason><answer>{"[2]": 3, "[4]": 8}</answer>', ["a", "b", "c", "d"])
    assert ranking.order == [3, 1, 0, 2]
    assert ranking.repairs == 2
    assert ranking.passages[0].reasoning == "r"
    assert ranked("nothing", ["a", "b", "c"]).order == [0, 1, 2]


def test_a_cut_answer_is_read_as_far_as_it_goes() -> None:
    assert scores('<answer>```json\n{"[1]": 5, "[2]": 3, "[3', 3) == [0.5, 0.3, None]
    assert scores('{"[1]": 99, "[2]": -4}', 2) == [1.0, 0.0]


def test_rounds_are_averaged() -> None:
    replies = iter(['{"[1]": 8, "[2]": 2}', '{"[1]": 4, "[2]": 6}'])
    backend = ScriptedBackend(lambda request: Generated(next(replies)))
    config = {"method": "grouprank", "model": "scripted", "num_rounds": 2, "seed": 666}
    ranking = Reranker(config, backend=backend).rerank("query", ["a", "b"])
    assert sum(ranking.scores) == pytest.approx(1.0)
    assert [len(request.prompt.messages) for request in backend.requests] == [2, 2]


def test_the_retrievers_score_can_be_merged_in() -> None:
    passages = [Passage("a", score=1.0), Passage("b", score=0.0)]
    ranking = ranked('{"[1]": 2, "[2]": 6}', passages, retriever_weight=0.4)
    assert ranking.scores == pytest.approx([0.6 * 0.2 + 0.4, 0.6 * 0.6])
    with pytest.raises(InputError, match="needs a retrieval score"):
        ranked("{}", ["a", "b"], retriever_weight=0.4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<think>{"[1]": 9}</think> {"[1]": 2}', [0.2]),
        ('<think><answer>{"[1]": 9}</answer></think> {"[1]": 2}', [0.2]),
        ('<think>perhaps {"[1]": 9}', [None]),
        ('<reason>perhaps {"[1]": 9}', [None]),
        ('<reason>perhaps {"[1]": 9}</reason> {"[1]": 2}', [0.2]),
        ('<think>never closed <answer>{"[1]": 2}</answer>', [0.2]),
    ],
)
def test_scores_inside_the_reasoning_are_none(text, found) -> None:
    assert scores(text, 1) == found
