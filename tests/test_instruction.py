"""An instruction for one call: which rerankers take it, which refuse it, and what goes before what."""

import asyncio

import pytest

from swaprank import InputError, Passage, Query, Reranker
from swaprank.config import registry
from swaprank.methods import erank, icr, vision_yes_no, zero_shot
from swaprank.testing import ScriptedBackend, arbitrary_response

CONFIGURED, OWN, CALL = "configured instruction", "the query's own instruction", "instruction of the call"
METHODS = registry.names("method")
INSTRUCTED = [name for name in METHODS if "instruction" in registry.method(name).model_fields]
UNINSTRUCTED = [name for name in METHODS if name not in INSTRUCTED]


def scripted(method: str, **options) -> tuple[Reranker, ScriptedBackend]:
    backend = ScriptedBackend(arbitrary_response)
    model = {} if registry.method(method).takes_model == "never" else {"model": "any"}
    return Reranker({"method": method, **model, **options}, backend=backend), backend


def read(backend: ScriptedBackend) -> set[str]:
    """The instructions that stand in what was asked since the last look."""
    asked, backend.requests = repr(backend.requests), []
    return {one for one in (CONFIGURED, OWN, CALL) if repr(one)[1:-1] in asked}


@pytest.mark.parametrize("method", INSTRUCTED)
def test_the_call_goes_before_the_query_and_the_query_before_the_config(method) -> None:
    reranker, backend = scripted(method, instruction=CONFIGURED)
    reranker.rerank("q", ["p"])
    assert read(backend) == {CONFIGURED}
    reranker.rerank(Query("q", instruction=OWN), ["p"])
    assert read(backend) == {OWN}
    reranker.rerank(Query("q", instruction=OWN), ["p"], instruction=CALL)
    assert read(backend) == {CALL}
    asyncio.run(reranker.arerank("q", ["p"], instruction=CALL))
    assert read(backend) == {CALL}
    reranker.rerank_many([Query("q", instruction=OWN), "q"], [["p"], ["p"]])
    assert read(backend) == {OWN, CONFIGURED}


def test_the_hint_tells_methods_that_always_take_one_from_those_whose_config_must_say_so() -> None:
    reranker, _ = scripted("bi-encoder")
    with pytest.raises(InputError) as error:
        reranker.rerank("q", ["p"], instruction=CALL)
    always, _, told = str(error.value).partition("Methods that take one: ")[2].partition("; and ")
    assert {*always.split(", "), "bi-encoder"} == set(INSTRUCTED)
    assert "bi-encoder" not in always
    assert told == "bi-encoder with an 'instruction' in the config."


@pytest.mark.parametrize("method", UNINSTRUCTED)
def test_methods_that_take_none_refuse_it(method) -> None:
    reranker, backend = scripted(method)
    with pytest.raises(InputError, match=f"'{method}' takes no instruction.*{CALL}.*Methods that take one: "):
        reranker.rerank("q", ["p"], instruction=CALL)
    with pytest.raises(InputError, match="takes no instruction"):
        reranker.rerank_many([Query("q", instruction=OWN)], [["p"]])
    assert backend.requests == []
    for nothing in ("", None):
        # vector-refine reads nothing but embeddings.
        query, passage = Query("q", embedding=[1.0]), Passage("p", embedding=[1.0])
        assert reranker.rerank(query, [passage], instruction=nothing).order == [0]


@pytest.mark.parametrize(
    "method",
    [
        erank.METHOD(template="{query}"),
        icr.METHOD(template="simple_instruct"),
        zero_shot.METHOD(prompt="{query}"),
        vision_yes_no.METHOD(protocol="mono-qwen2-vl"),
    ],
)
def test_a_prompt_without_a_place_for_it_takes_none(method) -> None:
    assert not method.takes_instruction
    assert type(method)().takes_instruction


def test_one_stage_or_input_that_takes_it_is_enough() -> None:
    told = {"method": "erank", "model": "any"}
    for config, taken in (
        ({"stages": ["bm25", told]}, True),
        ({"stages": ["bm25", {"fusion": "z-score", "alpha": 0.2, "with": told}]}, True),
        ({"fusion": "rrf", "of": ["retrieval", {"stages": [told]}]}, True),
        ({"stages": ["bm25", {"fusion": "z-score", "alpha": 0.2, "with": "lexical"}]}, False),
        ({"method": "bm25", "on_error": {"fallback": told}}, False),
    ):
        reranker = Reranker(config)
        if taken:
            assert reranker.rerank(Query("q", instruction=OWN), []).order == []
        else:
            with pytest.raises(InputError, match="takes no instruction"):
                reranker.rerank(Query("q", instruction=OWN), [])


def test_an_instruction_is_text_that_tokenizers_take() -> None:
    reranker, backend = scripted("erank")
    reranker.rerank("q", ["p"], instruction="half \ud83d pair")
    assert "half \ufffd pair" in repr(backend.requests)
    with pytest.raises(InputError, match="The instruction is of type int"):
        reranker.rerank("q", ["p"], instruction=3)
