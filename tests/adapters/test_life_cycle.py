"""Both adapters load, close and stand in `with` as the core does."""

import pytest


@pytest.mark.parametrize("framework", ["llamaindex", "langchain"])
async def test_warm_up_close_and_with(framework) -> None:
    pytest.importorskip({"llamaindex": "llama_index.core", "langchain": "langchain_core"}[framework])
    adapter = pytest.importorskip(f"{framework}_rerankers")
    with adapter.Reranker("static-embedding") as reranker:
        backend = reranker.core._stage.ranker.backend
        assert backend._table is None
        reranker.warm_up()
        assert backend._table is not None
    assert backend._table is None
    async with reranker:
        await reranker.awarm_up()
        assert backend._table is not None
    assert backend._table is None
    assert reranker.core.rerank("tea", ["coffee", "green tea"]).order == [1, 0]
