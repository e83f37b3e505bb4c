"""Events, callbacks and spans of the LlamaIndex postprocessor."""

import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from pydantic import Field

from llamaindex_rerankers import Reranker
from swaprank.errors import BackendError
from tests.llamaindex.helpers import Callbacks, both, broken, by_length, nodes, rerank, scripted


class Events(BaseEventHandler):
    seen: list = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Events"

    def handle(self, event, **kwargs) -> None:
        if isinstance(event, ReRankStartEvent | ReRankEndEvent):
            self.seen.append(event)


@pytest.fixture
def events():
    dispatcher = get_dispatcher("llamaindex_rerankers.postprocessor")
    handler = Events()
    dispatcher.add_event_handler(handler)
    yield handler.seen
    dispatcher.event_handlers.remove(handler)


@both
@pytest.mark.parametrize("case", ["some", "none", "error"])
def test_both_event_systems_are_balanced(how, case, events) -> None:
    reranker = scripted(broken if case == "error" else by_length, top_n=2)
    callbacks = Callbacks()
    reranker.callback_manager = CallbackManager([callbacks])
    if case == "error":
        with pytest.raises(BackendError):
            rerank(reranker, nodes(), how)
    else:
        rerank(reranker, nodes() if case == "some" else [], how)
    assert [type(event) for event in events] == [ReRankStartEvent, ReRankEndEvent]
    sent, returned = (0 if case == "none" else 3), (2 if case == "some" else 0)
    assert [len(event.nodes) for event in events] == [sent, returned]
    assert callbacks.seen == [("start", sent), ("end", returned)]


def test_the_start_event_tells_model_and_limit(events) -> None:
    rerank(scripted(top_n=2), nodes())
    rerank(scripted(), nodes())
    starts = [(event.model_name, event.top_n, event.query) for event in events[::2]]
    assert starts == [("scripted", 2, "q"), ("scripted", 3, "q")]
    rerank(Reranker(), nodes())
    assert events[-2].model_name == "embedded"


@both
def test_both_methods_open_a_span(how) -> None:
    dispatcher = get_dispatcher("llamaindex_rerankers.postprocessor")
    handler = SimpleSpanHandler()
    dispatcher.add_span_handler(handler)
    try:
        rerank(scripted(), nodes(), how)
    finally:
        dispatcher.span_handlers.remove(handler)
    names = [span.id_.split("-")[0] for span in handler.completed_spans]
    assert ("Reranker._postprocess_nodes" if how == "sync" else "Reranker._apostprocess_nodes") in names
