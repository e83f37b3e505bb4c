"""`backend: llm` outside the adapters can be checked but not run."""

from __future__ import annotations

import pytest

from swaprank import ConfigError, Reranker


async def test_a_config_for_the_adapters_can_be_checked_but_not_run_without_one() -> None:
    reranker = Reranker(method="rankgpt", model="any", backend="llm")
    assert reranker.to_config()["backend"] == "llm"
    with pytest.raises(ConfigError, match="Give llm= to the Reranker of llamaindex_rerankers or langchain_rerankers"):
        reranker.rerank("q", ["a", "b"])
    with pytest.raises(ConfigError, match="llm="):
        await reranker.arerank("q", ["a", "b"])
