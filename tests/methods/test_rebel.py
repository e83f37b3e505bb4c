"""Parity of REBEL's prompts and order with what is public, and what it loses."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.methods.rebel import scores
from swaprank.prompt import plain
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import INPUTS, same_text, texts

RECORDED = golden("rebel")
VARIANTS = {
    "one-turn": {"one_turn": True},
    "two-turn": {},
    "two-turn-relevance-only": {"criteria": "relevance-only"},
    "llm-rerank": {"one_turn": True, "one_turn_prompt": RECORDED["llm_rerank_prompt"]},
}


def said(request) -> str:
    [message] = request.prompt.messages
    return plain(message.content)


def run(variant: str, query: str, given, reply, **options):
    """The ranking, and the prompts; ``reply`` answers scoring prompts."""

    def answer(request):
        text = said(request)
        if "You are a prompt generator" in text:
            return Generated(RECORDED["meta_reply_template"].replace("{Q}", query))
        return Generated(reply(request))

    backend = ScriptedBackend(answer)
    config = {"method": "rebel", "model": "scripted", "empty_passages": "score", **VARIANTS[variant], **options}
    return Reranker(config, backend=backend).rerank(query, given), backend


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"{case['input']}-{case['config']['variant']}")
def test_prompts(case) -> None:
    variant = case["config"]["variant"]
    _, backend = run(variant, INPUTS[case["input"]]["query"], texts(case["input"]), lambda request: "")
    recorded = [one.get("meta_prompt", one) if isinstance(one, dict) else one for one in case["prompts"]]
    assert len(backend.requests) == len(recorded)
    assert all(same_text(said(request), prompt) for request, prompt in zip(backend.requests, recorded, strict=True))


@pytest.mark.parametrize("case", RECORDED["strategy_cases"], ids=lambda case: f"{case['input']}-{case['variant']}")
def test_orders(case) -> None:
    replies = iter(case["calls"])
    given = texts(case["input"])
    ranking, backend = run(case["variant"], INPUTS[case["input"]]["query"], given, lambda request: next(replies)["raw"])
    assert ranking.order == case["order"]
    assert len(backend.requests) == case["number_of_calls"]
    assert ranking.repairs == case["scores"].count(None)
    for score, recorded in zip(ranking.scores, case["scores"], strict=True):
        assert recorded is None or score == recorded


@pytest.mark.parametrize(
    "case",
    [case for case in RECORDED["parser_cases"] if isinstance(case["raw"], str)],
    ids=lambda case: repr(case["raw"])[:50],
)
def test_replies(case) -> None:
    ours = {
        "Doc: 2, Relevance: 8.5\nDoc: 1, Relevance: 8.9": {2: 8.5, 1: 8.9},
        "<think>Doc: 1, Relevance: 2\n</think>\nDoc: 2, Relevance: 9": {2: 9.0},
        "Doc: 0, Relevance: 9\nDoc: 1, Relevance: 3": {1: 3.0},
        "Doc: -1, Relevance: 9\nDoc: 2, Relevance: 3": {2: 3.0},
        "Doc: [2], Relevance: [9]\nDoc: [1], Relevance: [4]": {2: 9.0, 1: 4.0},
        "Doc: 2, Relevance: high\nDoc: 1, Relevance: 5": {1: 5.0},
        "Doc: 4, Relevance: -3\nDoc: 2, Relevance: 1e1": {4: -3.0, 2: 1.0},
        "Doc: 3, Relevance:\nDoc: 1, Relevance: 9": {1: 9.0},
    }
    official: dict[int, float] = {}
    for place, score in case["official_pairs_zero_based"]:
        official.setdefault(place + 1, score)
    expected = ours.get(case["raw"], official)
    assert scores(case["raw"], case["n"]) == [expected.get(number) for number in range(1, case["n"] + 1)]


@pytest.mark.parametrize("case", RECORDED["placeholder_cases"], ids=lambda case: case["variant"])
def test_braces_of_queries_and_documents_stay(case) -> None:
    _, backend = run(case["variant"], case["query"], case["documents"], lambda request: "")
    prompt = said(backend.requests[-1])
    assert prompt.count("doc about {query_str}") == 1
    assert prompt.count("{context_str} {unknown} {}") == 1
    assert case["query"] in prompt
    recorded = case["scoring_prompt"]
    if case["variant"] in ("one-turn", "llm-rerank"):
        assert prompt.endswith(recorded if isinstance(recorded, str) else recorded["last_400"])


def test_a_written_prompt_without_placeholders_is_replaced_and_counted() -> None:
    backend = ScriptedBackend(lambda request: Generated("Doc: 2, Relevance: 5\nDoc: 1, Relevance: 4"))
    ranking = Reranker({"method": "rebel", "model": "scripted"}, backend=backend).rerank("query", ["a", "b"])
    assert ranking.order == [1, 0]
    assert ranking.repairs == 1
    assert said(backend.requests[1]).startswith(RECORDED["one_turn_prompt"][:200])


def test_batches_travel_together_after_one_meta_prompt() -> None:
    _, backend = run("two-turn", "query", ["text"] * 25, lambda request: "")
    assert backend.batches == [1, 3]


def test_a_prompt_without_placeholders_is_refused() -> None:
    with pytest.raises(ConfigError, match="must contain"):
        Reranker(
            {"method": "rebel", "model": "m", "one_turn_prompt": "x"},
            backend=ScriptedBackend(lambda request: Generated("")),
        )


@pytest.mark.parametrize("query", ["query", "str", "{", "{context_str}?", "_"])
def test_a_query_that_is_part_of_a_placeholder_does_not_break_the_written_prompt(query) -> None:
    replies = iter([f"Judge {query} here:\n{{context_str}}\nQuery: {{query_str}}", "Doc: 2, Relevance: 5"])
    backend = ScriptedBackend(lambda request: Generated(next(replies)))
    ranking = Reranker({"method": "rebel", "model": "scripted"}, backend=backend).rerank(query, ["a", "b"])
    assert said(backend.requests[1]) == f"Judge {query} here:\nDocument 1:\na\n\nDocument 2:\nb\nQuery: {query}"
    assert (ranking.order, ranking.repairs) == ([1, 0], 1)


def test_a_query_that_is_a_placeholder_takes_the_fixed_prompt() -> None:
    backend = ScriptedBackend(lambda request: Generated("{context_str} {query_str}"))
    ranking = Reranker({"method": "rebel", "model": "scripted"}, backend=backend).rerank("{context_str}", ["a", "b"])
    assert "Document 1:\na" in said(backend.requests[1])
    assert ranking.repairs == 3


@pytest.mark.parametrize("query", ["</think> what now", "a <think> b", "<think>a</think>"])
def test_thinking_tags_of_the_query_do_not_cut_the_written_prompt(query) -> None:
    written = f"<think>Let me see: {query}.</think>Judge {query}:\n{{context_str}}\nQuery: {{query_str}}"
    replies = iter([written, "Doc: 2, Relevance: 5"])
    backend = ScriptedBackend(lambda request: Generated(next(replies)))
    ranking = Reranker({"method": "rebel", "model": "scripted"}, backend=backend).rerank(query, ["a", "b"])
    assert said(backend.requests[1]) == f"Judge {query}:\nDocument 1:\na\n\nDocument 2:\nb\nQuery: {query}"
    assert (ranking.order, ranking.repairs) == ([1, 0], 1)
