"""`swaprank download` fetches what a config needs, says how much, and makes it work without a network."""

import os

import pytest

from tests.backends.checkpoints.fake_hub import FakeHub
from tests.cli.helpers import swaprank
from tests.conftest import MODELS

pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub():
    fake = FakeHub(me__model=MODELS / "tiny-bert-cross-encoder")
    yield fake
    fake.close()


@pytest.mark.torch
def test_what_was_downloaded_works_offline(hub, tmp_path) -> None:
    online = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    offline = {**online, "HF_HUB_OFFLINE": "1"}
    config, lines = tmp_path / "config.yaml", '{"query": "tea", "passages": ["black coffee", "green tea"]}'
    config.write_text("{on_error: {fallback: {method: cross-encoder, model: me/model}}, reranker: bm25}")
    refused = swaprank("download", "-c", config, env=offline, check=1)
    assert "swaprank download me/model" in refused.stderr
    assert "1.1 MB fetched" in swaprank("download", "-c", config, env=online).stdout
    assert "was in the cache" in swaprank("download", "me/model", env=online).stdout
    asked = len(hub.asked)
    config.write_text("{method: cross-encoder, model: me/model}")
    assert '"ranking"' in swaprank("rerank", "-c", config, given=lines, env=offline).stdout
    assert len(hub.asked) == asked


def test_nothing_to_fetch_and_nothing_named_are_said() -> None:
    assert "Nothing to fetch" in swaprank("download", "bm25").stdout
    assert "Give a recipe" in swaprank("download", check=2).stderr
    assert "No recipe is named 'no-such-thing'. See all with" in swaprank("download", "no-such-thing", check=2).stderr
