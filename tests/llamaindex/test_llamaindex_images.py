"""Every shape in which LlamaIndex keeps an image reaches the model; nothing is fetched, opened early, lost or changed."""

import asyncio
import base64
import copy
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import MockLLM
from llama_index.core.schema import ImageDocument, ImageNode, MediaResource, Node, NodeWithScore, QueryBundle, TextNode
from pydantic import Field

from llamaindex_rerankers import Reranker
from swaprank import Image
from swaprank.adapters import WARNINGS
from swaprank.requests import Embedded, EmbedImage
from swaprank.testing import ScriptedBackend
from tests.conftest import GOLDEN, MODELS

PIL = pytest.importorskip("PIL.Image")
RED, BLUE = GOLDEN / "images" / "red_circle.png", GOLDEN / "images" / "blue_square.png"
PACKED = base64.b64encode(RED.read_bytes()).decode()
DATA_URL = f"data:image/png;base64,{PACKED}"
NODES = {
    "ImageNode, base64": ImageNode(image=PACKED),
    "ImageNode, path": ImageNode(image_path=str(RED), text="a circle"),
    "ImageNode, URL": ImageNode(image_url=DATA_URL),
    "ImageDocument, base64": ImageDocument(image=PACKED),
    "ImageDocument, path": ImageDocument(image_path=str(RED)),
    "Node, data": Node(image_resource=MediaResource(data=RED.read_bytes())),
    "Node, path": Node(image_resource=MediaResource(path=RED), text_resource=MediaResource(text="a circle")),
    "Node, URL": Node(image_resource=MediaResource(url=DATA_URL)),
}


def scripted() -> tuple[Reranker, ScriptedBackend]:
    backend = ScriptedBackend(lambda request: Embedded([1.0, 0.0] if isinstance(request, EmbedImage) else [0.6, 0.8]))
    return Reranker({"method": "bi-encoder", "model": "m", "images": "read"}, backend=backend), backend


@pytest.mark.parametrize("shape", NODES)
def test_every_shape_of_an_image(shape) -> None:
    reranker, backend = scripted()
    given = [NodeWithScore(node=NODES[shape], score=0.5), NodeWithScore(node=TextNode(text="text"), score=0.4)]
    before = copy.deepcopy(given)
    ranked = reranker.postprocess_nodes(given, query_str="a circle")
    assert [one.image for one in backend.requests if isinstance(one, EmbedImage)] == [Image(RED)]
    assert given == before
    assert {one.node.node_id for one in ranked} == {one.node.node_id for one in given}
    [kept] = [one.node for one in ranked if one.node.node_id == given[0].node.node_id]
    assert type(kept) is type(given[0].node)
    assert kept.model_dump(exclude={"metadata", "excluded_embed_metadata_keys", "excluded_llm_metadata_keys"}) == (
        given[0].node.model_dump(exclude={"metadata", "excluded_embed_metadata_keys", "excluded_llm_metadata_keys"})
    )
    assert all(PACKED not in str(value) for value in kept.metadata.values())


def test_a_query_may_name_an_image() -> None:
    reranker, backend = scripted()
    reranker.postprocess_nodes([NodeWithScore(node=TextNode(text="text"))], QueryBundle("", image_path=str(BLUE)))
    assert [one.image for one in backend.requests if isinstance(one, EmbedImage)] == [Image(BLUE)]


def test_a_reranker_of_texts_says_that_images_were_not_read() -> None:
    given = [NodeWithScore(node=NODES["ImageNode, path"]), NodeWithScore(node=NODES["ImageNode, base64"])]
    ranked = Reranker("bm25").postprocess_nodes(given, query_str="circle")
    assert [one.node.node_id for one in ranked] == [one.node.node_id for one in given]
    assert "the images of 2 of 2 passages were not read" in str(ranked[0].node.metadata[WARNINGS])


@pytest.mark.torch
def test_a_question_about_pages_end_to_end() -> None:
    pytest.importorskip("torch")
    config = {"method": "late-interaction", "model": str(MODELS / "tiny-colqwen2"), "images": "read"}
    reranker = Reranker(config, top_n=1, backend={"type": "transformers", "dtype": "float32", "device": "cpu"})
    pages = [
        NodeWithScore(node=ImageNode(image_path=str(GOLDEN / "images" / f"page_{name}.png")), score=1.0)
        for name in ("tea", "harbour")
    ]
    # Neither is opened or fetched but for the model, which tells that it could not read them.
    pages.append(NodeWithScore(node=ImageNode(image_path="gone.png"), score=1.0))
    pages.append(NodeWithScore(node=ImageNode(image_url="http://127.0.0.1:9/a.png"), score=1.0))
    [best] = reranker.postprocess_nodes(pages, query_str="What does the harbour project cost?")
    assert best.node.image_path.startswith(str(GOLDEN))
    assert "gone.png" in str(best.node.metadata[WARNINGS])
    assert "nothing is fetched" in str(best.node.metadata[WARNINGS])


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_multimodal_llm_sees_images_as_blocks(how) -> None:
    llm = Seeing()
    reranker = Reranker(method="vic", llm=llm)
    given = [NodeWithScore(node=ImageNode(image_path=str(path))) for path in (BLUE, RED)]
    if how == "sync":
        ranked = reranker.postprocess_nodes(given, query_str="a circle")
    else:
        ranked = asyncio.run(reranker.apostprocess_nodes(given, query_str="a circle"))
    assert [one.node.image_path for one in ranked] == [str(RED), str(BLUE)]
    [[message]] = llm.asked
    assert [block.block_type for block in message.blocks] == ["text", "image", "text", "image", "text"]
    assert PIL.open(message.blocks[1].resolve_image()).size == (448, 448)


class Seeing(MockLLM):
    """An LLM that keeps what it was asked."""

    asked: list[Any] = Field(default_factory=list)

    def chat(self, messages, **kwargs) -> ChatResponse:
        self.asked.append(list(messages))
        return ChatResponse(message=ChatMessage(role="assistant", content="[2,1]"))

    async def achat(self, messages, **kwargs) -> ChatResponse:
        return self.chat(messages, **kwargs)


class Events(BaseEventHandler):
    """Keeps what it sees."""

    seen: list[Any] = Field(default_factory=list)

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)


def test_events_hold_nodes_without_the_bytes_of_their_images(monkeypatch) -> None:
    handler, debug = Events(), LlamaDebugHandler(print_trace_on_end=False)
    monkeypatch.setattr(get_dispatcher("llamaindex_rerankers.postprocessor"), "event_handlers", [handler])
    reranker, _ = scripted()
    reranker.callback_manager = CallbackManager([debug])
    given = [NodeWithScore(node=node, score=0.5) for node in NODES.values()]
    ranked = reranker.postprocess_nodes(given, query_str="circle")
    assert any(PACKED in one.node.model_dump_json() for one in ranked)  # they themselves lose nothing
    assert [type(event).__name__ for event in handler.seen] == [
        "ReRankStartEvent",
        "ReRankUsageEvent",
        "ReRankEndEvent",
    ]
    payloads = [event.payload for pair in debug.get_event_pairs() for event in pair]
    shown = [event.nodes for event in handler.seen if hasattr(event, "nodes")]
    shown += [payload["nodes"] for payload in payloads if payload and "nodes" in payload]
    assert len(shown) == 4
    for nodes in shown:
        assert sorted(one.node.node_id for one in nodes) == sorted(one.node.node_id for one in given)
        assert not any(PACKED[:40] in one.model_dump_json() or PACKED[:40] in repr(one) for one in nodes)
        assert {one.node.image_path for one in nodes if isinstance(one.node, ImageNode)} == {None, str(RED)}
