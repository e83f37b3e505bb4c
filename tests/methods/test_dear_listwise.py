"""Parity of DeAR's listwise stage with the model card and with the repository."""

import pytest

from swaprank import Passage, Reranker
from swaprank.config.recipe import get
from swaprank.prompt import plain
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import assert_messages, first_prompt, messages, same_text

RECORDED = golden("dear-listwise")


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["input"])
def test_card_prompt(case) -> None:
    prompt = first_prompt({"method": "dear-listwise"}, case["input"])
    assert same_text(plain(prompt), case["prompts"][0])


@pytest.mark.parametrize("case", RECORDED["repository_cases"], ids=lambda case: case["input"])
def test_repository_prompt(case) -> None:
    prompt = first_prompt({"method": "dear-listwise", "protocol": "repository"}, case["input"])
    assert_messages(prompt, case["prompts"][0])


def ranked(raw: str, n: int, **options):
    backend = ScriptedBackend(lambda request: Generated(raw))
    reranker = Reranker({"method": "dear-listwise", "model": "scripted", **options}, backend=backend)
    return reranker.rerank("query", [f"text {place}" for place in range(n)])


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: repr(case["raw"])[:40])
def test_replies(case) -> None:
    """The card's duplicates are dropped, and what they pushed out comes back."""
    official = list(dict.fromkeys(case["card"]))
    official += [place for place in range(case["n"]) if place not in official]
    assert ranked(case["raw"], case["n"], official_parser=True).order == official
    repository = ranked(case["raw"], case["n"], protocol="repository")
    if isinstance(case["repository"], list):
        assert repository.order == case["repository"]


def test_a_reply_without_identifiers_keeps_the_order_and_says_so() -> None:
    ranking = ranked("I cannot rank these passages.", 4)
    assert (ranking.order, ranking.repairs) == ([0, 1, 2, 3], 4)
    assert ranked("<think>[3] > [2]", 4).repairs == 4


def test_the_repository_reads_what_follows_the_thinking_even_if_it_never_ends() -> None:
    said = "<think>[3] > [2]"
    assert ranked(said, 4, protocol="repository", official_parser=True).order == [2, 1, 0, 3]
    assert ranked(said, 4, protocol="repository").order == [0, 1, 2, 3]


@pytest.mark.parametrize("tag", ["</think>", "</THINK>"])
def test_the_repositorys_parser_takes_the_first_end_of_thinking(tag) -> None:
    raw = f"[1] {tag} [3] </think> [2]"
    assert ranked(raw, 4, protocol="repository", official_parser=True).order == [2, 1, 0, 3]


def test_the_cut_of_the_card_is_an_option() -> None:
    def shown(**options) -> str:
        return plain(first_prompt({"method": "dear-listwise", **options}, "happy", ["a" * 400, "b"]))

    assert f"[0] {'a' * 300}\n" in shown()
    assert f"[0] {'a' * 100}\n" in shown(max_characters=100)
    assert f"[0] {'a' * 400}\n" in shown(max_characters=None)


def test_titles_as_the_repository_writes_them() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    reranker = Reranker({"method": "dear-listwise", "model": "m", "protocol": "repository"}, backend=backend)
    reranker.rerank("query", [Passage("Title: Content: one"), Passage("two", title="T")])
    turns = [said for _, said in messages(backend.requests[0].prompt)]
    assert "[1] one" in turns
    assert "[2] Title: T Content: two" in turns


def test_both_stages_follow_the_repository() -> None:
    second = get("dear-8b-dual").config["stages"][1]
    assert second["protocol"] == "repository"
    assert (second["window_size"], second["step"], second["rank_end"]) == (20, 10, 30)
