"""Whatever a model answers: every method that reads text gives a permutation, and counts what it repaired."""

import random

import pytest

from swaprank import Reranker
from swaprank.config import registry
from swaprank.requests import Capability, Generated, LabelScores, SequenceScore
from swaprank.testing import ScriptedBackend, arbitrary_response
from swaprank.testing.checks import check_method

REPLIES = 10_000
PIECES = [
    "[{}]", "[{}] > ", "{} ", "({})", "{}. ", "[[{}]]", "[{}", '"[{}]": ', '"{}": 7, ', "Doc: {}, Relevance: {}\n", "٣", "²", "①", "３",
    "[A]", "B", " > ", "=", ",", ":", "{", "}", "{}", "<think>", "</think>", "<answer>", "</answer>", "<ANSWER>", "```json", "```", "\n",
    "Passage A", "I think ", "\ud800", "{context_str}", "{query_str}", "-", "1e9", "9" * 30, "nan", "inf", "null", "🚢", "<|im_end|>",
]  # fmt: skip
CONFIGS = {
    "rankgpt": [{}, {"official_parser": True}, {"permutations": 2}],
    "dear-listwise": [{}, {"protocol": "repository"}, {"official_parser": True}],
    "rankzephyr": [{}, {"strategy": "tournament", "group_size": 3, "advance": 1}],
    "rankvicuna": [{"strategy": "top-down", "window_size": 4}],
    "first": [{}, {"decoding": "generation"}],
    "setwise": [
        {},
        {"strategy": "bubble-sort"},
        {"scoring": "likelihood"},
        {"scoring": "likelihood", "conversation": "t5"},
    ],
    "rank-r1": [{}, {"prompt_file": "setwise", "permutations": 3}],
    "reasonrank": [{}, {"prompt_mode": "RANK_GPT_qwen3", "official_parser": True}],
    "rearank": [{}, {"variant": "no_thinking"}],
    "lit5": [{}],
    "rank-k": [{}, {"official_parser": True}],
    "grouprank": [{}, {"num_rounds": 2, "seed": 1, "group_size": 3}],
    "insertrank": [{}, {"official_parser": True, "scale": "0-1"}],
    "pairwise": [{}, {"scoring": "generation"}, {"strategy": "all-pairs", "scoring": "generation"}],
    "rebel": [{}, {"one_turn": True}],
    "vic": [{}, {"official_parser": True}],
    "square": [{}],
    "mm-r5": [{}, {"official_parser": True}],
    "unime-v2-listwise": [{}],
    "ielab-listwise": [{}, {"scoring": "likelihood"}, {"official_parser": True}],
}


def reply(chance: random.Random) -> str:
    pieces = (chance.choice(PIECES) for _ in range(chance.randint(0, 12)))
    return "".join(piece.replace("{}", str(chance.randint(-2, 14))) for piece in pieces)


def nonsense(chance: random.Random):
    def answer(request):
        if request.capability in (Capability.TEXT, Capability.FUSED_TEXT):
            return Generated(reply(chance))
        if request.capability is Capability.LABEL_LOGPROBS:
            return LabelScores(tuple(chance.choice([-1.0, chance.uniform(-90, 0)]) for _ in request.labels))
        return SequenceScore(tuple(chance.uniform(-90, 0) for _ in range(chance.randint(1, 4))))

    return answer


@pytest.mark.parametrize("name", CONFIGS)
def test_ten_thousand_replies(name) -> None:
    chance = random.Random(name)
    share = REPLIES // len(CONFIGS) // len(CONFIGS[name])
    for options in CONFIGS[name]:
        backend = ScriptedBackend(nonsense(chance))
        reranker = Reranker({"method": name, "model": "scripted", **options}, backend=backend)
        while len(backend.requests) < share:
            passages = [
                chance.choice(["", "same", reply(chance), f"text {place}"]) for place in range(chance.randint(2, 9))
            ]
            ranking = reranker.rerank(reply(chance).strip() or "query", passages)
            assert sorted(ranking.order) == list(range(len(passages)))
            along = [ranked.score for ranked in ranking.passages]
            assert along == sorted(along, reverse=True)
            assert ranking.repairs >= 0


@pytest.mark.parametrize("name", CONFIGS)
def test_promises_with_every_option(name) -> None:
    for options in CONFIGS[name]:
        check_method({"method": name, "model": "scripted", **options}, arbitrary_response)


def test_every_method_that_reads_text_about_a_list_is_fuzzed() -> None:
    families = {"listwise", "setwise", "pairwise", "groupwise"}
    wordy = {Capability.TEXT, Capability.FUSED_TEXT, Capability.LABEL_LOGPROBS}
    found = {name: registry.method(name) for name in registry.names("method")}
    asked = {name for name, one in found.items() if one.family in families and one.needs & wordy}
    # duot5 reads probabilities and no text.
    assert asked - {"duot5"} <= set(CONFIGS)


HOSTILE = [
    "[" * 100_000,
    "<think>" * 30_000,
    "</think> " * 30_000,
    '"' + " " * 100_000,
    '{"[1' * 30_000,
    "Doc: 1," * 30_000,
    "9" * 100_000,
]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_hostile_replies_end(name, text) -> None:
    """Parsers that are not linear hang here."""
    options = CONFIGS[name][0] if name != "first" else CONFIGS[name][1]
    options = {**options, "scoring": "generation"} if name == "pairwise" else options
    backend = ScriptedBackend(lambda request: Generated(text))
    ranking = Reranker({"method": name, "model": "scripted", **options}, backend=backend).rerank(
        "query", ["a", "b", "c"]
    )
    assert sorted(ranking.order) == [0, 1, 2]
