"""What people do every day in LlamaIndex: top_n per call, what it took in events, a config that cannot be changed."""

import asyncio
import copy
import json
import pickle

import numpy as np
import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers.base import BaseEventHandler
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import Field

from llamaindex_rerankers import InstructedQuery, Reranker, ReRankUsageEvent
from swaprank import ConfigError, InputError

TEXTS = ["coffee", "green tea", "tea", "a cup of green tea"]


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, metadata={"secret": "s3cret"}), score=1.0) for text in TEXTS]


def test_top_n_of_a_call_goes_before_the_configs_in_either_direction() -> None:
    reranker = Reranker("bm25", top_n=2)
    assert len(reranker.postprocess_nodes(nodes(), query_str="green tea")) == 2
    assert len(reranker.postprocess_nodes(nodes(), query_str="green tea", top_n=1)) == 1
    assert len(reranker.postprocess_nodes(nodes(), QueryBundle("green tea"), top_n=3)) == 3
    assert len(reranker.postprocess_nodes(nodes(), query_str="green tea", top_n=np.int64(3))) == 3
    assert len(reranker.postprocess_nodes(nodes(), InstructedQuery("green tea", top_n=4))) == 4
    assert len(asyncio.run(reranker.apostprocess_nodes(nodes(), query_str="green tea", top_n=1))) == 1
    for wrong in (0, -1, True, "2", 1.5):
        with pytest.raises(InputError, match="top_n is"):
            reranker.postprocess_nodes(nodes(), query_str="green tea", top_n=wrong)
    with pytest.raises(ValueError, match="Cannot specify both"):
        reranker.postprocess_nodes(nodes(), QueryBundle("a"), "b", top_n=1)


def test_top_n_is_readable_and_shown_also_where_a_recipe_says_it() -> None:
    reranker = Reranker({"reranker": "bm25", "top_n": 7})
    assert reranker.top_n == 7
    assert "top_n=7" in repr(reranker)


def test_a_config_cannot_be_changed_and_is_a_dict_in_all_other_ways() -> None:
    config = {"stages": ["bm25", {"diversify": "mmr", "top_n": 3}], "top_n": 2}
    reranker = Reranker(config)
    with pytest.raises(ConfigError, match="cannot be changed"):
        reranker.config["top_n"] = 5
    for change in (
        lambda: reranker.config["stages"].append("bm25"),
        lambda: reranker.config["stages"][1].update(top_n=1),
        lambda: reranker.config.pop("top_n"),
    ):
        with pytest.raises(ConfigError):
            change()
    assert reranker.config == config == json.loads(json.dumps(reranker.config))
    for twin in (
        copy.deepcopy(reranker.config),
        copy.copy(reranker.config),
        pickle.loads(pickle.dumps(reranker.config)),
    ):
        twin["top_n"] = 5
        twin["stages"].append("bm25")
    changed = Reranker({**reranker.config, "top_n": 1})
    assert (changed.top_n, reranker.top_n) == (1, 2)


class Events(BaseEventHandler):
    seen: list = Field(default_factory=list)

    def handle(self, event, **_) -> None:
        self.seen.append(event)


def test_events_tell_what_it_took_and_no_passage() -> None:
    handler, debug = Events(), LlamaDebugHandler(print_trace_on_end=False)
    dispatcher = get_dispatcher("llamaindex_rerankers.postprocessor")
    dispatcher.add_event_handler(handler)
    try:
        reranker = Reranker("embedded", callback_manager=CallbackManager([debug]))
        reranker.postprocess_nodes(nodes(), query_str="green tea")
    finally:
        dispatcher.event_handlers.remove(handler)
    names = [event.class_name() for event in handler.seen]
    assert names == ["ReRankStartEvent", "ReRankUsageEvent", "ReRankEndEvent"]
    [event] = [event for event in handler.seen if isinstance(event, ReRankUsageEvent)]
    assert event.usage["rerank_name"] == "embedded"
    assert event.usage["rerank_requests"] > 0 and event.usage["rerank_seconds"] > 0
    told = json.dumps(event.usage)
    assert not [text for text in (*TEXTS, "s3cret") if text in told]
    [(_, end)] = debug.get_event_pairs(CBEventType.RERANKING)
    assert end.payload[EventPayload.ADDITIONAL_KWARGS] == event.usage
