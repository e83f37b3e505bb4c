"""Parity of RankZephyr, RankVicuna and FIRST with rank_llm's prompt."""

import random
import re

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.methods._passage_text import unbracketed_letters
from swaprank.prompt import plain
from swaprank.requests import Generate, Generated, LabelLogprobs, LabelScores
from swaprank.testing import ScriptedBackend
from swaprank.types import ScoreKind
from tests.conftest import golden
from tests.methods.recorded import first_prompt, messages, neutral, same_text, same_with_fewer_words, texts


def templated(prompt) -> str:
    """As the chat template of the recorded model puts it."""
    (system, instruction), (role, content) = messages(prompt)
    assert (system, role) == ("system", "user")
    return f"<s>{instruction}</s>[INST] {content} [/INST]"


@pytest.mark.parametrize("case", golden("rankzephyr")["cases"], ids=lambda case: case["input"])
def test_rankzephyr_prompt(case) -> None:
    prompt = templated(first_prompt({"method": "rankzephyr"}, case["input"]))
    assert same_text(prompt, case["prompts"][0]) or same_with_fewer_words(
        lambda words: templated(first_prompt({"method": "rankzephyr", "max_words": words or 1}, case["input"])),
        case["prompts"][0],
    )


def test_rankvicuna_of_2024_says_the_same_in_vicunas_words() -> None:
    [(_, system), (_, content)] = messages(first_prompt({"method": "rankzephyr"}, "edison"))
    prompt = first_prompt({"method": "rankvicuna", "protocol": "january-2024"}, "edison")
    assert plain(prompt) == f"{system} USER: {content} ASSISTANT:"


def test_rankvicuna_as_released() -> None:
    """774c2da: FastChat's own system message, another example, and two blanks before the assistant."""
    [_, (_, content)] = messages(first_prompt({"method": "rankzephyr"}, "edison"))
    prompt = plain(first_prompt({"method": "rankvicuna"}, "edison"))
    assert prompt == (
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
        f"and polite answers to the user's questions. USER: {content.replace('[2] > [1]', '[4] > [2]')}  ASSISTANT:"
    )


def shown(config: dict, query: str, given: list[Passage]) -> str:
    backend = ScriptedBackend(neutral)
    Reranker({"model": "scripted", **config}, backend=backend).rerank(query, given)
    prompt = backend.requests[0].prompt
    return plain(prompt) if isinstance(prompt, tuple) else messages(prompt)[-1][1]


def test_vicunas_prompt_has_no_marks_that_keep_entities() -> None:
    """ftfy mends the whole prompt, and replaces HTML entities up to the first `<`."""
    given = [Passage("a &amp; b"), Passage("c < &amp;"), Passage("d &amp; e")]
    prompt = shown({"method": "rankvicuna"}, "q &gt; r", given)
    assert "query: q > r.\n\n[1] a & b\n[2] c < &amp;\n[3] d &amp; e\nSearch Query: q &gt; r.\n" in prompt


CURRENT = "Rank the passages based on their relevance to the search query: {}.\n[1] {}\n[2] {}\nSearch Query: {}.\n"


def test_the_current_code_of_rank_llm() -> None:
    """1b3cabb: another wording; the query neutralised too, passages mended with their entities before they are cut."""
    config = {"method": "rankzephyr", "protocol": "rank_llm", "max_words": 8}
    given = [Passage("Title: Content: x&amp;y [12] six seven eight nine"), Passage("‘z’", title="T &lt; U")]
    backend = ScriptedBackend(neutral)
    Reranker({"model": "scripted", **config}, backend=backend).rerank("A&amp;B [7]’s", given)
    prompt = backend.requests[0].prompt
    [(_, system), (_, content)] = messages(prompt)
    query = "A&amp;B (7)'s"
    assert system == (
        "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
    )
    first = "Title: Content: x&y (12) six seven eight nine"
    assert CURRENT.format(query, first, "Title: T < U Content: 'z'", query) in content
    assert content.endswith(
        "e.g., [2] > [1], Answer concisely and directly and only respond with the ranking results, "
        "do not say any word or explain."
    )
    assert prompt.thinking is False
    assert messages(first_prompt({"method": "rankzephyr", "protocol": "rank_llm", "system_message": "S"}, "happy"))[
        0
    ] == ("system", "S")


def test_empty_titles_are_dropped_and_titles_written_as_in_the_official_collections() -> None:
    given = [Passage("Title: Content: one"), Passage("two", title="T")]
    for method in ("rankzephyr", "rankvicuna", "first"):
        prompt = shown({"method": method}, "query", given)
        assert "] one\n" in prompt
        assert "] Title: T Content: two\n" in prompt


def test_identifiers_in_passages_are_neutralised_as_in_each_code_of_first() -> None:
    given = [Passage("see [A] [Ab_] [a1] [12] [B]"), Passage("other")]
    prompt = shown({"method": "first"}, "[A] [1]", given)
    assert "[A] see (A) (Ab_) [a1] [12] (B)\n" in prompt
    assert "query: [A] [1].\n\n" in prompt
    assert "each indicated by a alphabetical identifier" in prompt
    prompt = shown({"method": "first", "protocol": "rank_llm"}, "[A] [1]", given)
    assert "[A] see [A] [Ab_] [a1] (12) [B]\n" in prompt
    assert "query: [A] (1).\n[A]" in prompt
    assert "each indicated by an alphabetical identifier" in prompt


@pytest.mark.torch
def test_first_on_qwen3_reads_the_letters_behind_an_empty_thinking_and_a_bracket() -> None:
    """As rank_llm since 26e2bf3, which puts the bracket behind the template; before, the model wrote it itself."""
    pytest.importorskip("transformers")
    from tests.methods.llm import tokens

    own = tokens("tiny-qwen3-lm")
    prompt = first_prompt({"method": "first", "protocol": "rank_llm"}, "happy")
    turns = [{"role": role, "content": content} for role, content in messages(prompt)]
    rendered = own.tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert rendered.rstrip().endswith("<think>\n\n</think>")
    assert own.encode(prompt).ids == own.tokenizer.encode(rendered + "[", add_special_tokens=False)


def test_letters_are_neutralised_as_by_the_official_pattern_in_linear_time() -> None:
    chance = random.Random(3)
    for _ in range(5000):
        text = "".join(chance.choice("[]AbZ_^`\\\\1 .") for _ in range(chance.randint(0, 12)))
        assert unbracketed_letters(text) == re.sub(r"\[([A-z]+)\]", r"(\1)", text)
    # The pattern itself goes over the rest for every opening bracket, and would take days.
    assert unbracketed_letters("[" * 3_000_000) == "[" * 3_000_000


@pytest.mark.parametrize(
    ("config", "raw", "order"),
    [
        ({"method": "rankzephyr"}, "<think>[3]</think>[2]", [2, 1, 0]),
        ({"method": "rankzephyr", "protocol": "rank_llm"}, "<think>[3]</think>[2]", [1, 0, 2]),
        ({"method": "rankzephyr", "protocol": "rank_llm"}, "[³] > ２", [2, 1, 0]),
        ({"method": "rankzephyr", "protocol": "rank_llm"}, "<think>[3] > [2]", [2, 1, 0]),
        ({"method": "rankvicuna"}, "<think>[3]</think>[2]", [2, 1, 0]),
        ({"method": "first", "decoding": "generation"}, "<think>[C]</think>[B]", [2, 1, 0]),
        ({"method": "first", "decoding": "generation", "protocol": "rank_llm"}, "[C]</think>B", [1, 0, 2]),
    ],
)
def test_the_official_parser_of_each_version(config, raw, order) -> None:
    backend = ScriptedBackend(lambda request: Generated(raw))
    config = {"model": "scripted", "official_parser": True, **config}
    assert Reranker(config, backend=backend).rerank("query", ["a", "b", "c"]).order == order


def test_the_wording_is_an_option() -> None:
    config = {"method": "rankzephyr", "system_message": "S", "prefix": "P {num}\n", "body": "<{rank}> {candidate}\n"}
    assert messages(first_prompt({**config, "suffix": "{query}"}, "happy"))[1][1].startswith("P 3\n<1> ")


def test_identifiers_in_passages_are_neutralised() -> None:
    shown = messages(first_prompt({"method": "rankzephyr"}, "happy", ["see [12] and [x]", "other"]))[1][1]
    assert "[1] see (12) and [x]\n" in shown


@pytest.mark.parametrize("case", golden("first")["cases"], ids=lambda case: case["input"])
def test_first_prompt(case) -> None:
    prompt = first_prompt({"method": "first"}, case["input"])
    assert prompt.start == "["
    assert same_text(templated(prompt), case["calls"][0]["prompt"])


@pytest.mark.parametrize("case", golden("first")["cases"], ids=lambda case: case["input"])
def test_first_orders_by_the_recorded_logprobs(case) -> None:
    """Where the official code saw all identifiers, the orders agree."""
    [call] = case["calls"]
    letters = [chr(ord("A") + place) for place in range(call["size"])]
    backend = ScriptedBackend(
        lambda request: LabelScores(tuple(call["identifier_logprobs"][one] for one in request.labels))
    )
    given = texts(case["input"])
    config = {"method": "first", "model": "scripted", "empty_passages": "score"}
    ranking = Reranker(config, backend=backend).rerank("query", given)
    assert backend.requests[0].labels == tuple(letters)
    assert ranking.score_kind is ScoreKind.LOGIT
    assert ranking.scores == [call["identifier_logprobs"][one] for one in letters]
    seen = [letters.index(one) for one in call["official_top120"] if one in letters]
    assert [index for index in ranking.order if index in seen] == [index for index in case["order"] if index in seen]
    if len(seen) == len(given):
        assert ranking.order == case["order"]


def test_first_over_several_windows_scores_by_rank() -> None:
    def answer(request):
        letters = re.findall(r"\[([A-T])\] text (\d+)", messages(request.prompt)[1][1])
        return LabelScores(tuple(float(number) for _, number in letters))

    backend = ScriptedBackend(answer)
    ranking = Reranker({"method": "first", "model": "scripted"}, backend=backend).rerank(
        "query", [f"text {i}" for i in range(45)]
    )
    assert ranking.order[:5] == [44, 43, 42, 41, 40]
    assert ranking.score_kind is ScoreKind.RANK
    assert len(backend.requests) == 4
    assert all(isinstance(request, LabelLogprobs) for request in backend.requests)


def test_first_can_write_the_whole_order() -> None:
    backend = ScriptedBackend(lambda request: Generated("[C] > [A] > [B]"))
    ranking = Reranker({"method": "first", "model": "scripted", "decoding": "generation"}, backend=backend).rerank(
        "query", ["a", "b", "c"]
    )
    assert ranking.order == [2, 0, 1]
    [request] = backend.requests
    assert isinstance(request, Generate)
    assert request.prompt.start == ""


def test_there_are_26_letters() -> None:
    backend = ScriptedBackend(lambda request: LabelScores(tuple(0.0 for _ in request.labels)))
    reranker = Reranker({"method": "first", "model": "scripted", "window_size": 30}, backend=backend)
    assert reranker.rerank("query", ["text"] * 26).order == list(range(26))
    with pytest.raises(ConfigError, match="26 letters, and was given 30"):
        reranker.rerank("query", ["text"] * 30)


@pytest.mark.parametrize("method", ["rankzephyr", "first"])
def test_queries_are_mended_as_the_whole_prompt_is_and_entities_stay(method) -> None:
    backend = ScriptedBackend(
        lambda request: LabelScores((0.0, 0.0)) if isinstance(request, LabelLogprobs) else Generated("")
    )
    Reranker({"method": method, "model": "scripted"}, backend=backend).rerank("what’s up", ["“A&amp;B”", "b"])
    said = plain(backend.requests[0].prompt.messages[1].content)
    assert said.count("what's up") == 2
    assert '[1] "A&amp;B"' in said or '[A] "A&amp;B"' in said


@pytest.mark.parametrize("method", ["rankgpt", "rankzephyr", "insertrank"])
def test_models_told_to_think_have_room_for_it(method) -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    for thinking in (False, True):
        config = {"method": method, "model": "scripted", "thinking": thinking}
        Reranker(config, backend=backend).rerank("query", ["a", "b"])
    short, long = (request.max_tokens for request in backend.requests)
    assert short < 100 < 10_000 < long
