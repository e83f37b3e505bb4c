"""Parity of setwise, pairwise and Rank-R1 with llm-rankers."""

import pytest

from swaprank import CapabilityError, Reranker
from swaprank.prompt import plain
from swaprank.requests import (
    Capability,
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    SequenceLogprob,
    SequenceScore,
)
from swaprank.testing import ScriptedBackend
from swaprank.types import ScoreKind
from tests.conftest import golden
from tests.methods.recorded import INPUTS, assert_messages, by_length, messages, same_text, texts

SETWISE, PAIRWISE, RANK_R1 = golden("setwise"), golden("pairwise"), golden("rank-r1")


def asked(config: dict, query: str, given: list[str], answer=lambda request: Generated("")):
    backend = ScriptedBackend(answer)
    ranking = Reranker({"model": "scripted", "empty_passages": "score", **config}, backend=backend).rerank(query, given)
    return ranking, backend


@pytest.mark.parametrize("case", SETWISE["prompt_cases"], ids=lambda case: case["input"])
def test_setwise_prompt(case) -> None:
    given = [text[: case["passage_characters"]] for text in texts(case["input"])[: len(case["passages"])]]
    config = {"method": "setwise", "strategy": "all-at-once"}
    _, backend = asked(config, INPUTS[case["input"]]["query"], given)
    prompt = backend.requests[0].prompt
    [(role, content)] = messages(prompt)
    header = "<|start_header_id|>{}<|end_header_id|>"
    full = f"<|begin_of_text|>{header.format(role)}\n\n{content}<|eot_id|>{header.format('assistant')}{prompt.start}"
    assert same_text(full, case["prompts"][0])
    assert backend.requests[0].max_tokens == 1


def longest(request):
    """What the recorded oracle writes: the label of the longest passage shown."""
    content = request.prompt.messages[0].content
    shown = [part.text for part in content if not isinstance(part, str)][1:]
    return Generated(f" {'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[by_length(shown)[0]]}")


HEAP = [case for case in SETWISE["strategy_cases"] if case["method"] == "heapsort"]


@pytest.mark.parametrize("case", HEAP, ids=lambda case: f"{case['input']}-{case['num_child']}-{case['k']}")
def test_setwise_sorts_as_recorded(case) -> None:
    config = {"method": "setwise", "num_child": case["num_child"], "k": case["k"]}
    ranking, backend = asked(config, "query", texts(case["input"]), longest)
    assert ranking.order == case["order"]
    assert len(backend.requests) == case["number_of_calls"]
    assert ranking.score_kind is ScoreKind.RANK


@pytest.mark.parametrize(
    ("raw", "order", "repairs"),
    [
        (" B", [1, 0], 0),
        ("b", [1, 0], 0),
        ("Passage B", [1, 0], 0),
        ("passage b.", [1, 0], 0),
        ("It is a close call, but B.", [1, 0], 0),
        ("A closer look shows: Passage B", [1, 0], 0),
        ("b)", [1, 0], 0),
        ("?", [0, 1], 1),
        ("C", [0, 1], 1),
        ("", [0, 1], 1),
    ],
)
def test_setwise_replies(raw, order, repairs) -> None:
    ranking, _ = asked({"method": "setwise"}, "query", ["a", "b"], lambda request: Generated(raw))
    assert (ranking.order, ranking.repairs) == (order, repairs)


def test_setwise_likelihood_reads_every_label_at_once() -> None:
    def answer(request):
        assert isinstance(request, LabelLogprobs)
        return LabelScores(tuple(-abs(place - 2.0) for place in range(len(request.labels))))

    config = {"method": "setwise", "scoring": "likelihood", "strategy": "all-at-once"}
    ranking, backend = asked(config, "query", ["a", "b", "c", "d"], answer)
    assert ranking.order == [2, 1, 3, 0]
    assert ranking.score_kind is ScoreKind.LOGIT
    assert backend.requests[0].labels == (" A", " B", " C", " D")


def test_t5_answers_after_its_decoder_prefix() -> None:
    def answer(request):
        assert isinstance(request, SequenceLogprob)
        assert isinstance(request.prompt, tuple)
        return SequenceScore((-9.0, {"Passage A": -2.0, "Passage B": -1.0}[request.continuation]))

    config = {"method": "setwise", "scoring": "likelihood", "conversation": "t5"}
    ranking, _ = asked(config, "query", ["a", "b"], answer)
    assert ranking.order == [1, 0]
    _, backend = asked({"method": "setwise", "conversation": "t5"}, "query", ["a", "b"])
    assert plain(backend.requests[0].prompt).endswith("most relevant passage:")


@pytest.mark.parametrize(
    ("config", "offered"),
    [
        ({"method": "setwise", "scoring": "likelihood"}, Capability.TEXT),
        ({"method": "setwise"}, Capability.LABEL_LOGPROBS),
        ({"method": "setwise", "scoring": "likelihood", "conversation": "t5"}, Capability.LABEL_LOGPROBS),
        ({"method": "pairwise"}, Capability.TEXT),
        ({"method": "first"}, Capability.TEXT),
        ({"method": "first", "decoding": "generation"}, Capability.LABEL_LOGPROBS),
    ],
)
def test_what_is_needed_follows_from_the_options(config, offered) -> None:
    backend = ScriptedBackend(lambda request: Generated(""), capabilities=[offered])
    with pytest.raises(CapabilityError):
        Reranker({"model": "scripted", **config}, backend=backend)


@pytest.mark.parametrize("case", PAIRWISE["prompt_cases"], ids=lambda case: case["input"])
def test_pairwise_prompts(case) -> None:
    given = [texts(case["input"])[place] for place in case["pair"]]
    neutral = lambda request: LabelScores((0.0, 0.0))  # noqa: E731
    _, backend = asked({"method": "pairwise", "strategy": "all-pairs"}, INPUTS[case["input"]]["query"], given, neutral)
    prompts = [request.prompt for request in backend.requests]
    assert [prompt.start for prompt in prompts] == [case["suffix_after_chat_template"]] * 2
    for prompt, recorded in zip(prompts, case["prompts"], strict=True):
        assert same_text(messages(prompt)[0][1], recorded)


def shown_pair(request) -> list[str]:
    return [part.text for part in request.prompt.messages[0].content if not isinstance(part, str)][1:]


def test_pairwise_conflicts_are_half_a_win_each() -> None:
    given = ["aaaa", "bb", "cc"]  # bb and cc: always the first shown

    def answer(request):
        first, second = shown_pair(request)
        return LabelScores((0.0, -1.0) if len(first) >= len(second) else (-1.0, 0.0))

    ranking, backend = asked({"method": "pairwise", "strategy": "all-pairs"}, "query", given, answer)
    assert ranking.scores == [2.0, 0.5, 0.5]
    assert ranking.order == [0, 1, 2]
    assert backend.batches == [6]


@pytest.mark.parametrize("strategy", ["heap-sort", "bubble-sort", "all-pairs", "all-at-once"])
def test_pairwise_by_generation(strategy) -> None:
    def answer(request):
        assert isinstance(request, Generate)
        first, second = shown_pair(request)
        return Generated(" A" if len(first) > len(second) else " B")

    config = {"method": "pairwise", "strategy": strategy, "scoring": "generation", "k": 10}
    config = config if "sort" in strategy else {key: value for key, value in config.items() if key != "k"}
    ranking, _ = asked(config, "query", ["a" * length for length in (3, 7, 1, 9, 5)], answer)
    assert ranking.order == [3, 1, 4, 0, 2]
    unread, _ = asked({**config, "strategy": "all-pairs"} if "k" not in config else config, "query", ["a", "bb"])
    assert unread.order == [0, 1]
    assert unread.repairs >= 2


@pytest.mark.parametrize("case", RANK_R1["prompt_cases"], ids=lambda case: f"{case['prompt_file']}-{case['input']}")
def test_rank_r1_prompt(case) -> None:
    given = [text[: case["passage_characters"]] for text in texts(case["input"])[:4]]
    _, backend = asked({"method": "rank-r1", "prompt_file": case["prompt_file"]}, INPUTS[case["input"]]["query"], given)
    assert_messages(backend.requests[0].prompt, case["prompts"][0])
    assert backend.requests[0].max_tokens == 8000


@pytest.mark.parametrize("case", RANK_R1["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
@pytest.mark.parametrize("template", ["setwise-R1", "setwise-R1-v0.2", "setwise"])
def test_rank_r1_replies(case, template) -> None:
    given = [f"text {place}" for place in range(case["n"])]
    config = {"method": "rank-r1", "prompt_file": template, "strategy": "all-at-once"}
    ranking, _ = asked(config, "query", given, lambda request: Generated(case["raw"]))
    winner = case[template]["winner"]
    assert ranking.order[0] == (winner or 0)
    assert ranking.repairs == int(winner is None)


def test_rank_r1_cuts_by_tokens_where_it_is_told_to() -> None:
    """The README's runs cut the query to 32 tokens and documents to 512."""
    config = {"method": "rank-r1", "query_length": 32, "passage_length": 512}
    _, backend = asked(config, "q", ["a", "b"])
    slots = [part for part in backend.requests[0].prompt.messages[1].content if not isinstance(part, str)]
    assert [(slot.text, slot.max_tokens) for slot in slots] == [("q", 32), ("a", 512), ("b", 512)]
    _, backend = asked({"method": "rank-r1"}, "q", ["a", "b"])
    slots = [part for part in backend.requests[0].prompt.messages[1].content if not isinstance(part, str)]
    assert {slot.max_tokens for slot in slots} == {None}


def test_rank_r1_sorts_sets_of_twenty_and_can_vote() -> None:
    def answer(request):
        shown = [part.text for part in request.prompt.messages[1].content if not isinstance(part, str)][1:]
        return Generated(f"<think>so</think><answer>[{by_length(shown)[0] + 1}]</answer>")

    given = ["a" * length for length in range(1, 26)]
    ranking, backend = asked({"method": "rank-r1"}, "query", given, answer)
    assert ranking.order[:10] == list(range(24, 14, -1))
    assert ranking.passages[0].reasoning == "so"
    voted, voting = asked({"method": "rank-r1", "permutations": 3, "seed": 929}, "query", given, answer)
    assert voted.order == ranking.order
    assert len(voting.requests) == 3 * len(backend.requests)


@pytest.mark.parametrize("config", [{"method": "setwise"}, {"method": "rank-r1"}], ids=lambda config: config["method"])
def test_a_reply_that_picks_nothing_is_not_a_vote(config) -> None:
    """In a shuffled copy it would be one for whoever was shown first."""
    given = ["a", "b", "c"]
    votes = {"strategy": "all-at-once", "permutations": 5, "seed": 1}
    ranking, _ = asked({**config, **votes}, "query", given, lambda request: Generated("no idea"))
    assert (ranking.order, ranking.repairs) == ([0, 1, 2], 5)
