"""Every form in which LangChain's documents hold an image reaches the model; nothing is fetched, lost or changed."""

import asyncio
import base64
import copy
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.language_models import FakeListLLM
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from langchain_rerankers import Reranker
from swaprank import ConfigError, Image, InputError
from swaprank.requests import Embedded, EmbedImage
from swaprank.testing import ScriptedBackend
from tests.conftest import GOLDEN, MODELS

RED, BLUE = GOLDEN / "images" / "red_circle.png", GOLDEN / "images" / "blue_square.png"
PACKED = base64.b64encode(RED.read_bytes()).decode()
DATA_URL = f"data:image/png;base64,{PACKED}"
METADATA = {
    "path": {"image_path": str(RED)},
    "base64": {"image_base64": PACKED, "image_mime_type": "image/png", "image_path": "elsewhere.png"},
    "base64 without a name": {"image": PACKED},
    "data URL": {"image_url": DATA_URL},
    "bytes": {"image": RED.read_bytes()},
    "Path": {"image": RED},
    "Blob of bytes": {"image": Blob.from_data(RED.read_bytes(), mime_type="image/png")},
    "Blob of a file": {"image": [Blob.from_path(RED)]},
    "Blob of base64": {"image": Blob.from_data(PACKED)},
    "v1 block": {"image": {"type": "image", "base64": PACKED, "mime_type": "image/png"}},
    "v0 block": {"image": {"type": "image", "source_type": "base64", "data": PACKED}},
    "OpenAI block": {"image": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]},
}


def scripted(**options) -> tuple[Reranker, ScriptedBackend]:
    backend = ScriptedBackend(lambda request: Embedded([1.0, 0.0] if isinstance(request, EmbedImage) else [0.6, 0.8]))
    config = {"method": "bi-encoder", "model": "m", "images": "read"}
    return Reranker(config, backend=backend, **options), backend


def read(backend: ScriptedBackend) -> list[Image]:
    return [one.image for one in backend.requests if isinstance(one, EmbedImage)]


@pytest.mark.parametrize("form", METADATA)
@pytest.mark.parametrize("how", ["sync", "async"])
def test_every_form_of_an_image(form, how) -> None:
    reranker, backend = scripted()
    given = [Document("a text"), Document("", metadata={**METADATA[form], "page": 3})]
    before = copy.deepcopy(given)
    if how == "sync":
        ranked = reranker.compress_documents(given, "a circle")
    else:
        ranked = asyncio.run(reranker.acompress_documents(given, "a circle"))
    assert read(backend) == [Image(RED)]
    assert given == before
    [kept] = [one for one in ranked if "page" in one.metadata]
    assert {key: kept.metadata[key] for key in given[1].metadata} == given[1].metadata


def test_a_key_of_ones_own() -> None:
    reranker, backend = scripted(image_key="scan")
    reranker.compress_documents([Document("", metadata={"scan": [str(RED), str(BLUE)], "image": 5})], "a circle")
    assert read(backend) == [Image(RED), Image(BLUE)]
    with pytest.raises(InputError, match="of type int"):
        reranker.compress_documents([Document("", metadata={"scan": 5})], "a circle")


def test_what_is_no_image_is_let_be_where_nobody_said_that_it_is_one() -> None:
    reranker, backend = scripted()
    reranker.compress_documents([Document("text", metadata={"image": 5}), Document("b", metadata={"image": {}})], "q")
    assert read(backend) == []


def test_the_base64_that_langchain_chroma_stores_as_text() -> None:
    reranker, backend = scripted(page_content_is_image=True)
    [kept] = reranker.compress_documents([Document(PACKED)], "a circle")
    assert (read(backend), kept.page_content) == ([Image(RED)], PACKED)


def test_a_query_may_show_an_image() -> None:
    reranker, backend = scripted()
    reranker.compress_documents([Document("text")], "", query_image=BLUE)
    reranker.as_runnable().invoke({"query": "", "documents": [Document("text")], "query_image": str(BLUE)})
    assert read(backend) == [Image(BLUE)] * 2


@pytest.mark.torch
def test_photos_end_to_end() -> None:
    pytest.importorskip("torch")
    config = {"method": "bi-encoder", "model": str(MODELS / "tiny-clip"), "images": "read"}
    reranker = Reranker(config, top_n=1, backend={"type": "transformers", "dtype": "float32", "device": "cpu"})
    documents = [Document("", metadata={"image_path": str(path)}) for path in (BLUE, RED)]
    [best] = reranker.compress_documents(documents, "", query_image=RED)
    assert best.metadata["image_path"] == str(RED)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_chat_model_sees_images_as_parts_of_a_message(how) -> None:
    model = Seeing()
    reranker = Reranker(method="vic", llm=model)
    documents = [Document("", metadata={"image_path": str(path)}) for path in (BLUE, RED)]
    if how == "sync":
        ranked = reranker.compress_documents(documents, "a circle")
    else:
        ranked = asyncio.run(reranker.acompress_documents(documents, "a circle"))
    assert [one.metadata["image_path"] for one in ranked] == [str(RED), str(BLUE)]
    [[message]] = model.asked
    assert [part["type"] for part in message.content] == ["text", "image_url", "text", "image_url", "text"]


def test_an_llm_that_goes_on_writing_takes_no_images() -> None:
    reranker = Reranker(method="vic", llm=FakeListLLM(responses=["[2,1]"]))
    with pytest.raises(ConfigError, match="Give a chat model"):
        reranker.compress_documents([Document("", metadata={"image": RED}), Document("a")], "a circle")


class Seeing(BaseChatModel):
    """A chat model that keeps what it was asked."""

    asked: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "seeing"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs) -> ChatResult:
        self.asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("[2,1]"))])
