"""Parity of Rank-K with its official code: the prompt, replies with ties, windows."""

import pytest

from swaprank import Passage, Reranker
from swaprank.prompt import plain
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import first_prompt, messages, same_text

RANK_K = golden("rank-k")
CONFIG = {"method": "rank-k", "model": "scripted"}


def ranked(raw: str, n: int, **options):
    backend = ScriptedBackend(lambda request: Generated(raw))
    return Reranker({**CONFIG, **options}, backend=backend).rerank("query", [f"text {place}" for place in range(n)])


@pytest.mark.parametrize("case", RANK_K["cases"], ids=lambda case: case["input"])
def test_prompt(case) -> None:
    prompt = first_prompt({"method": "rank-k"}, case["input"])
    [(role, content)] = messages(prompt)
    [recorded] = case["prompts"][0]
    assert role == recorded["role"]
    if case["input"] != "edge":
        assert same_text(content, recorded["content"])
        return
    # Slots are whole here; the next test cuts them.
    assert content.startswith(recorded["content"]["first_200"])
    slots = [part for part in prompt.messages[0].content if not isinstance(part, str)]
    assert [slot.max_tokens for slot in slots] == [None, *[450] * 6]


@pytest.mark.torch
def test_the_long_passage_is_cut_where_the_official_code_cuts_it() -> None:
    pytest.importorskip("transformers")
    from tests.methods.llm import tokens

    own = tokens("tiny-qwen2-lm")
    [case] = [case for case in RANK_K["cases"] if case["input"] == "edge"]
    encoded = own.encode(first_prompt({"method": "rank-k"}, "edge"), 100_000)
    shown = own.tokenizer.decode(encoded.ids)
    start, end = shown.index("\nDetermine"), shown.rindex("Same text.\n") + len("Same text.\n")
    assert same_text(shown[start:end], case["prompts"][0][0]["content"])


@pytest.mark.parametrize("case", RANK_K["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
def test_replies(case) -> None:
    assert ranked(case["raw"], case["n"], official_parser=True).order == case["permutation"]


@pytest.mark.parametrize(
    ("raw", "order", "repairs"),
    [
        ("[3] > [2] > [4] = [1] > [5]", [2, 1, 3, 0, 4], 0),
        ("<think>[5] first? [1] > [2]</think>\n\n[2]=[1] > [5] > [4] > [3]", [1, 0, 4, 3, 2], 0),
        ("<think>long thinking [4] > [5]", [0, 1, 2, 3, 4], 5),
        ("[3]>[2]>[1]>[5]>[4]\nExplanation: passage 3 has 17 facts.", [2, 1, 0, 4, 3], 0),
        ("1. [4]\n2. [5]\n3. [1]", [3, 4, 0, 1, 2], 2),
        ("`[3] > [2] > [4] = [1] > [5]`", [2, 1, 3, 0, 4], 0),
        ("<answer>\n[2] > [1]\n</answer>", [1, 0, 2, 3, 4], 3),
        ("[2] > [0] > [9] > [2] > [1]", [1, 0, 2, 3, 4], 6),
    ],
)
def test_replies_are_read_without_the_slips_of_the_official_parser(raw, order, repairs) -> None:
    ranking = ranked(raw, 5)
    assert (ranking.order, ranking.repairs) == (order, repairs)


def test_the_reasoning_is_kept() -> None:
    assert ranked("<think> [1] answers. </think>\n[1] > [2]", 2).passages[0].reasoning == "[1] answers."


@pytest.mark.parametrize("case", RANK_K["strategy_cases"], ids=lambda case: f"{case['n']}-{case['window_size']}")
def test_windows(case) -> None:
    """Where the official loop reaches the first passage; elsewhere it asks about empty windows."""
    lengths = [place * 37 % 101 + 1 for place in range(case["n"])]
    asked = []

    def by_length(request):
        slots = [part.text for part in request.prompt.messages[0].content if not isinstance(part, str)][1:]
        asked.append([lengths.index(len(text)) for text in slots])
        best = sorted(range(len(slots)), key=lambda place: -len(slots[place]))
        return Generated(" > ".join(f"[{place + 1}]" for place in best))

    sizes = {"window_size": case["window_size"], "step": case["step"]}
    config = {**CONFIG, "strategy": {"type": "sliding-window", **sizes}}
    ranking = Reranker(config, backend=ScriptedBackend(by_length)).rerank("query", ["x" * n for n in lengths])
    assert asked == case["calls"]
    assert ranking.order == case["order"]


def test_titles_stand_before_texts_and_passages_are_shown_as_they_are() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    given = [Passage(" [2] > [1] ", title="T"), Passage("{docs} {query}")]
    Reranker({**CONFIG, "truncate_doc_to": None}, backend=backend).rerank("{docs}", given)
    content = backend.requests[0].prompt.messages[0].content
    assert plain(content).endswith("\n\nQuery: {docs}\n\n[1] T  [2] > [1] \n\n[2] {docs} {query}\n")
    assert {part.max_tokens for part in content if not isinstance(part, str)} == {None}
    assert backend.requests[0].max_tokens == 8000
