"""Question decomposition as a stage: split, pool, rerank."""

import math
from dataclasses import replace

import pytest

from swaprank import CapabilityError, ConfigError, Decomposed, Passage, Query, Reranker
from swaprank.errors import BackendError
from swaprank.prompt import Slot, plain, user
from swaprank.requests import Capability, Generated, Usage
from swaprank.stages.decomposition import PROMPT
from swaprank.stages.pooling import covering, pooled
from swaprank.testing import OracleBackend, ScriptedBackend, check_reranker
from tests.conftest import MODELS, golden, inputs

QUESTION = "Who directed the film that won in 1998?"
PARTS = ["Which film won in 1998?", "Who directed Titanic?"]
SPLIT = "\n".join(PARTS)
PASSAGES = [
    Passage("A film about who directed what, and that won nothing.", id="distractor", score=9.0),
    Passage("In 1998 the film Titanic won.", id="hop1", score=5.0),
    Passage("The harbour was built in 1998.", id="harbour", score=4.0),
    Passage("Films are long.", id="long", score=3.0),
    Passage("James Cameron directed Titanic.", id="hop2", score=1.0),
    Passage("Something else entirely.", id="else", score=0.5),
]


def llm(text) -> ScriptedBackend:
    return ScriptedBackend(lambda request: Generated(text, usage=Usage(50, 9)), capabilities={Capability.TEXT})


def reranker(text=SPLIT, **options) -> Reranker:
    return Reranker({"decomposition": "original", "rerank": "bm25", **options}, backend=llm(text))


def test_every_part_keeps_its_best_passage_in_front() -> None:
    alone = reranker(coverage=None).rerank(QUESTION, PASSAGES)
    assert [one.passage.id for one in alone.passages[:2]] == ["distractor", "hop1"]
    covered = reranker(top_n=3).rerank(QUESTION, PASSAGES)
    assert reranker(coverage=3).rerank(QUESTION, PASSAGES).order[:3] == covered.order
    assert {one.passage.id for one in covered.passages} == {"distractor", "hop1", "hop2"}
    along = [one.score for one in covered.passages]
    assert along == sorted(along, reverse=True)
    assert along == [alone.scores[one.index] for one in covered.passages]
    cut = [index for index in range(len(PASSAGES)) if index not in covered.order]
    assert max(covered.scores[index] for index in cut) < min(along)


def test_what_is_reported() -> None:
    ranking = reranker(k=1).rerank(QUESTION, PASSAGES)
    by_id = {one.passage.id: one for one in ranking.passages}
    assert by_id["hop1"].sub_questions == (PARTS[0],)
    assert by_id["hop2"].sub_questions == (PARTS[1],)
    assert by_id["distractor"].sub_questions == ()
    first, *others = ranking.calls
    assert (first.method, first.requests, first.input_tokens, first.output_tokens) == (
        "question-decomposition",
        1,
        50,
        9,
    )
    assert {call.method for call in others} == {"bm25"}
    assert (ranking.repairs, ranking.score_kind) == (0, "bm25")


def test_the_trace_has_every_inner_search_with_its_question_and_its_list() -> None:
    trace = reranker(k=2).rerank(QUESTION, PASSAGES).trace()
    searches, last = trace.parts[:3], trace.parts[3]
    assert [one.query for one in searches] == [None, *PARTS]
    assert [one.kept[0] for one in searches[1:]] == [1, 4]
    assert all(len(one.given) == 6 and len(one.kept) == len(one.scores) == 2 for one in searches)
    assert (last.query, set(last.given)) == (None, {index for one in searches for index in one.kept})
    shown = str(trace)
    assert "question-decomposition on" in shown.splitlines()[1]
    assert f'  bm25 for "{PARTS[1]}": 6 in, 2 out, ' in shown
    assert [part["query"] for part in trace.to_dict()["parts"]] == [None, *PARTS, None]
    assert trace._repr_html_().count(PARTS[0]) == 1
    assert "Cameron" not in shown


def test_the_trace_shows_what_a_retriever_found_and_what_max_asked() -> None:
    given = Decomposed(tuple(PARTS), found=((0, 1), (1, 2), (4,)))
    trace = reranker(decomposition="max").rerank(Query(QUESTION, decomposed=given), PASSAGES).trace()
    found = [(one.stage, one.query, one.kept) for one in trace.parts[:3]]
    assert found == [("retriever", None, (0, 1)), ("retriever", PARTS[0], (1, 2)), ("retriever", PARTS[1], (4,))]
    assert [one.query for one in trace.parts[3:]] == [None, *PARTS]
    assert [one.query for one in trace.inner_searches()] == [*PARTS, *PARTS]
    assert "1. candidate 4 (was 1)\n" in f"{trace}\n"


def test_what_an_inner_search_had_no_time_for_is_not_unscored_by_the_whole() -> None:
    search = {"method": "cross-encoder", "model": str(MODELS / "tiny-bert-cross-encoder"), "budget": {"seconds": 1e-9}}
    ranking = reranker(search=search).rerank(QUESTION, PASSAGES * 20)
    assert any(one.unscored for one in ranking.trace().parts[:3])
    assert ranking.unscored == []


def test_candidates_outside_the_pool_come_behind_in_the_given_order() -> None:
    ranking = reranker(k=1, coverage=None).rerank(QUESTION, PASSAGES)
    assert [PASSAGES[index].id for index in ranking.order[3:]] == ["harbour", "long", "else"]
    assert all(math.isfinite(score) for score in ranking.scores)


@pytest.mark.parametrize("text", ["NONE", QUESTION, "[]"])
def test_a_question_of_one_hop_costs_one_call_and_changes_nothing(text) -> None:
    one = reranker(text, rerank="embedded")
    ranking, plain = one.rerank(QUESTION, PASSAGES), Reranker("embedded").rerank(QUESTION, PASSAGES)
    assert (ranking.order, ranking.scores, ranking.repairs) == (plain.order, plain.scores, 0)
    assert [call.method for call in ranking.calls[:1]] == ["question-decomposition"]
    assert len(ranking.calls) == 1 + len(plain.calls)


@pytest.mark.parametrize("text", ["", "I cannot.", "<think>1. hm?"])
def test_a_malformed_answer_leaves_the_question_and_is_counted(text) -> None:
    ranking, plain = reranker(text).rerank(QUESTION, PASSAGES), Reranker("bm25").rerank(QUESTION, PASSAGES)
    assert (ranking.order, ranking.scores) == (plain.order, plain.scores)
    assert ranking.repairs == 1


@pytest.mark.parametrize("rule", ["max", "mean"])
def test_scores_against_the_parts_can_be_combined(rule) -> None:
    ranking = reranker(decomposition=rule, k=9, coverage=None).rerank(QUESTION, PASSAGES)
    rows = zip(*(Reranker("bm25").rerank(text, PASSAGES).scores for text in [QUESTION, *PARTS]), strict=True)
    expected = [max(row) if rule == "max" else sum(row) / 3 for row in rows]
    assert ranking.scores == pytest.approx(expected)
    covered = reranker(decomposition=rule, k=9, coverage=3, top_n=3).rerank(QUESTION, PASSAGES)
    assert {"hop1", "hop2"} <= {one.passage.id for one in covered.passages}


def test_retrieval_scores_are_not_read_as_those_of_a_part(asked) -> None:
    reranker(decomposition="max", rerank="lexical").rerank(QUESTION, PASSAGES)
    assert asked == {QUESTION: True, PARTS[0]: False, PARTS[1]: False}


def test_the_prompt_is_filled_in_one_pass_and_sent_as_a_message() -> None:
    backend = llm("NONE")
    config = {"decomposition": "original", "rerank": "bm25", "max_sub_questions": 3, "temperature": 0.8, "seed": 7}
    Reranker(config, backend=backend).rerank("What is {max_sub_questions}?", PASSAGES)
    [request] = backend.requests
    [message] = request.prompt.messages
    assert plain(message.content).endswith("Question: What is {max_sub_questions}?")
    assert "At most 3 of them" in plain(message.content)
    assert Slot("What is {max_sub_questions}?") in message.content
    assert (request.temperature, request.seed) == (0.8, 7)
    Reranker({**config, "prompt": "Split: {question}"}, backend=backend).rerank("Why?", PASSAGES)
    assert backend.requests[1].prompt == user("Split: ", Slot("Why?"), thinking=False)
    assert "{question}" in PROMPT


def test_at_most_so_many_parts() -> None:
    text = "\n".join(f"{number}. What is number {number}?" for number in range(1, 9))
    assert len(reranker(text, max_sub_questions=2).decompose(QUESTION).sub_questions) == 2
    assert len(reranker(text).decompose(QUESTION).sub_questions) == 5


async def test_parts_can_be_told_apart_and_handed_in() -> None:
    one = reranker()
    parts = one.decompose(QUESTION)
    assert parts.sub_questions == tuple(PARTS) == (await one.adecompose(QUESTION)).sub_questions
    assert len(parts.calls) == 1
    backend = llm("NONE")
    told = Reranker({"decomposition": "original", "rerank": "bm25"}, backend=backend)
    ranking = told.rerank(Query(QUESTION, decomposed=parts), PASSAGES)
    assert backend.requests == []
    assert ranking.scores == one.rerank(QUESTION, PASSAGES).scores
    assert ranking.calls[0] == parts.calls[0]
    retrieved = replace(parts, found=((0, 1), (3,), (4, 3)))
    ranking = told.rerank(Query(QUESTION, decomposed=retrieved), PASSAGES)
    assert {one.passage.id: len(one.sub_questions) for one in ranking.passages[:4]} == {
        "distractor": 0, "hop1": 0, "long": 2, "hop2": 1,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="decomposes nothing"):
        Reranker("bm25").decompose(QUESTION)


def test_the_promises_hold() -> None:
    check_reranker(reranker())
    check_reranker(reranker(decomposition="mean"))


def test_a_failing_llm_follows_the_policy() -> None:
    def fail(request):
        raise BackendError("down")

    config = {"decomposition": "original", "rerank": "bm25"}
    with pytest.raises(BackendError):
        Reranker(config, backend=ScriptedBackend(fail)).rerank(QUESTION, PASSAGES)
    ranking = Reranker({**config, "on_error": "keep_order"}, backend=ScriptedBackend(fail)).rerank(QUESTION, PASSAGES)
    assert ranking.order == list(range(len(PASSAGES))) and ranking.failures[0].action == "keep_order"


def test_any_reranker_reads_the_pool() -> None:
    cascade = {"stages": [{"reranker": "bm25", "top_n": 2}, {"fusion": "erank", "with": "lexical"}]}
    ranking = reranker(rerank=cascade, search="lexical").rerank(QUESTION, PASSAGES)
    assert sorted(ranking.order) == list(range(len(PASSAGES)))


def test_what_is_refused() -> None:
    with pytest.raises(CapabilityError, match="'question-decomposition' needs text"):
        Reranker({"decomposition": "original"}, backend=OracleBackend({}))
    for wrong in ({"rerank": {"reranker": "bm25", "top_n": 3}}, {"k": 0}, {"prompt": "Split it."}, {"paint": 1}):
        with pytest.raises(ConfigError):
            reranker(**wrong)
    with pytest.raises(ConfigError, match="fits a single method or a decomposition"):
        Reranker({"stages": ["bm25"]}, backend=llm(""))


def test_covering() -> None:
    scores = [5.0, 4.0, 3.0, 2.0, 1.0]
    order, lowered = covering([0, 1, 2, 3, 4], scores, [4, 0], 3)
    assert order == [0, 1, 4, 2, 3]
    assert [lowered[index] for index in order[:3]] == [5.0, 4.0, 1.0]
    assert 1.0 > lowered[2] > lowered[3] > 0.99
    assert covering([0, 1, 2], [3.0, 3.0, 3.0], [1], 2) == ([0, 1, 2], [3.0, 3.0, 3.0])
    assert covering([0, 1, 2, 3], [4.0, 3.0, 2.0, 1.0], [3, 2, 1], 2)[0] == [0, 3, 1, 2]
    assert covering([], [], [], 3) == ([], [])


def test_pooled() -> None:
    assert pooled([["a", "b"], ["b", "c", "c"], []]) == ([(0, 0), (0, 1), (1, 1)], ((0, 1), (1, 2), ()))
    assert Decomposed(()).found == ()


RECORDED = golden("question-decomposition")
INPUTS = inputs()


@pytest.mark.torch
@pytest.mark.parametrize(
    "case", RECORDED["cases"], ids=lambda case: f"{case['input']}-{case['parameters']['k_per_question']}"
)
def test_recorded(case) -> None:
    pytest.importorskip("sentence_transformers")
    given = INPUTS[case["input"]]
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu"}
    config = {
        "decomposition": "original",
        "search": {"method": "bm25", "language": "en", "empty_passages": "score"},
        "rerank": {
            "method": "cross-encoder",
            "model": str(MODELS / "tiny-bert-cross-encoder"),
            "activation": "identity",
            "empty_passages": "score",
            "backend": backend,
        },
        "k": case["parameters"]["k_per_question"],
        "top_n": case["parameters"]["final_k"],
        "coverage": None,
        "empty_passages": "score",
    }
    scripted = Reranker(config, backend=llm("\n".join(f"- {part}" for part in case["sub_questions"])))
    ranking = scripted.rerank(given["query"], [document["text"] for document in given["documents"]])
    pool = case["raw"]["pool_in_first_seen_order"]
    assert ranking.order[: len(case["order"])] == case["order"][: len(ranking.order)]
    assert [ranking.scores[index] for index in pool] == pytest.approx(
        [case["scores"][index] for index in pool], abs=5e-5
    )
    outside = [index for index, score in enumerate(case["scores"]) if score is None]
    assert set(outside).isdisjoint(pool)
    assert [index for index in ranking.order if index in outside] == outside[: max(0, len(ranking.order) - len(pool))]
    found = {part: set(one["top"]) for part, one in zip(case["sub_questions"], case["raw"]["lists"][1:], strict=True)}
    for ranked in ranking.passages:
        assert set(ranked.sub_questions) == {part for part, top in found.items() if ranked.index in top}


@pytest.mark.torch
def test_a_real_language_model_may_write_what_it_likes() -> None:
    """The tiny one writes noise, from its chat template on; what is read of it never loses a passage."""
    pytest.importorskip("transformers")
    backend = {"type": "transformers", "device": "cpu", "dtype": "float32"}
    config = {"decomposition": "original", "model": str(MODELS / "tiny-qwen2-lm"), "backend": backend, "max_tokens": 8}
    ranking = Reranker({**config, "rerank": "bm25"}).rerank(QUESTION, PASSAGES)
    assert sorted(ranking.order) == list(range(len(PASSAGES)))
    assert ranking.calls[0].method == "question-decomposition"
    assert ranking.calls[0].input_tokens > 50 and 0 < ranking.calls[0].output_tokens <= 8
