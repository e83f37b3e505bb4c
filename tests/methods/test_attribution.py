"""Attribution: a quote for each passage that occurs in it, and the same ranking whatever surrounds the quotes."""

import asyncio

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.replies.quotes import occurring, ranked_quotes
from swaprank.requests import Capability, Generated
from swaprank.testing import ScriptedBackend

PASSAGES = [
    "Tea was first drunk\n  in China.",
    "Leaves are steamed after picking, which keeps them green.",
    "Porcelain cups come from Jingdezhen.",
]
REPLY = '[2] "Leaves are steamed  after picking"\n[1] "tea was first drunk in china"\n[3] none'


def reranker(reply: str, **options) -> Reranker:
    backend = ScriptedBackend(lambda request: Generated(reply), capabilities={Capability.TEXT})
    return Reranker({"method": "rankgpt", "model": "m", "attribution": True, **options}, backend=backend)


@pytest.mark.parametrize("method", ["rankgpt", "insertrank"])
def test_every_passage_has_its_own_words_as_quote(method) -> None:
    ranking = reranker(REPLY, method=method).rerank("How is green tea made?", PASSAGES)
    assert ranking.order == [1, 0, 2]
    assert [one.quote for one in ranking.passages] == [
        "Leaves are steamed after picking",
        "Tea was first drunk\n  in China",
        None,
    ]
    assert ranking.repairs == 0
    again = asyncio.run(reranker(REPLY, method=method).arerank("How is green tea made?", PASSAGES))
    assert [one.quote for one in again.passages] == [one.quote for one in ranking.passages]


@pytest.mark.parametrize("method", ["rankgpt", "insertrank"])
def test_the_prompt_asks_for_quotes_only_then(method) -> None:
    seen: list = []

    def answer(request):
        seen.append(request)
        return Generated(REPLY)

    for attribution in (True, False):
        config = {"method": method, "model": "m", "attribution": attribution}
        Reranker(config, backend=ScriptedBackend(answer, capabilities={Capability.TEXT})).rerank("q", PASSAGES)
    asked, plain = (str(request.prompt) for request in seen)
    assert "copied exactly" in asked and "do not say any word" not in asked
    assert "copied exactly" not in plain and "do not say any word" in plain
    assert seen[0].max_tokens > seen[1].max_tokens + 200


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        (f"{REPLY}\n[3] > [2] > [1]", [2, 1, 0]),
        ("[2] > [1] > [3]", [1, 0, 2]),
        ("<think>[3] it is</think>" + REPLY, [1, 0, 2]),
        ('1. **[2]**: "Leaves"\n2. **[1]**: "Tea"\n3. **[3]**: none', [1, 0, 2]),
        ("nothing of that kind", [0, 1, 2]),
        ('[9] "x"\n[2] "100 > 20"', [1, 0, 2]),
        ('[2] "a"\n' * 5000, [1, 0, 2]),
    ],
)
def test_the_ranking_is_read_whatever_surrounds_it(reply, order) -> None:
    assert reranker(reply).rerank("q", PASSAGES).order == order


def test_invented_quotes_are_dropped() -> None:
    ranking = reranker('[1] "Leaves are steamed after picking"\n[2] "Leaves are boiled"').rerank("q", PASSAGES)
    assert [one.quote for one in ranking.passages] == [None, None, None]


def test_quotes_occur_white_space_and_case_aside() -> None:
    assert occurring("KEEPS ... them green", PASSAGES[1]) == "them green"
    assert occurring("...", PASSAGES[1]) is None
    assert occurring("steamed (after", PASSAGES[1]) is None
    quotes, rest = ranked_quotes(REPLY, PASSAGES)
    assert (quotes[2], rest) == (None, "[2] > [1] > [3]")


def test_windows_have_quotes_too() -> None:
    passages = [Passage(f"word{place} text") for place in range(6)]
    ranking = reranker('[1] "text"\n[2] "text"\n[3] "text"\n[4] "text"', window_size=4, step=2).rerank("q", passages)
    assert [one.quote for one in ranking.passages] == ["text"] * 6


def test_quotes_reach_the_metadata_of_both_frameworks() -> None:
    from langchain_core.documents import Document
    from llama_index.core.schema import NodeWithScore, TextNode

    import langchain_rerankers
    import llamaindex_rerankers

    backend = ScriptedBackend(lambda request: Generated(REPLY), capabilities={Capability.TEXT})
    options = {"method": "rankgpt", "model": "m", "attribution": True, "backend": backend}
    documents = [Document(page_content=text, metadata={"rerank_quote": "stale"}) for text in PASSAGES]
    ranked = langchain_rerankers.Reranker(**options).compress_documents(documents, "q")
    assert [one.metadata.get("rerank_quote") for one in ranked] == [
        "Leaves are steamed after picking", "Tea was first drunk\n  in China", None,
    ]  # fmt: skip
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in PASSAGES]
    found = llamaindex_rerankers.Reranker(**options).postprocess_nodes(nodes, query_str="q")
    assert found[0].metadata["rerank_quote"] == "Leaves are steamed after picking"


def test_models_trained_on_one_format_are_not_asked() -> None:
    with pytest.raises(ConfigError, match="attribution"):
        Reranker({"method": "rankzephyr", "model": "m", "attribution": True})
