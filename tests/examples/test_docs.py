"""The configs in the docs are configs: each builds as it is printed."""

import re
from pathlib import Path

import pytest
import yaml

from swaprank import Reranker, registry
from swaprank.recipe import all_recipes

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PAGES = DOCS / "llm-rerankers.md", ("attention-and-embedding.md", "servers.md", "failures-and-scale.md")


def configs(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


CONFIGS = configs(PAGE)


OTHERS = [text for page in PAGES for text in configs(DOCS / page)]


@pytest.mark.parametrize("text", [*CONFIGS, *OTHERS], ids=lambda text: text.splitlines()[0])
def test_configs_of_the_pages_build(text, monkeypatch) -> None:
    for service in ("OPENAI", "COHERE", "JINA", "VOYAGE"):
        monkeypatch.setenv(f"{service}_API_KEY", "none")
    config = yaml.safe_load(text)
    assert Reranker(config).to_config() == config


def test_the_zero_shot_example_means_what_it_says() -> None:
    [config] = [yaml.safe_load(text) for text in CONFIGS if "labels:" in text]
    assert config["labels"] == {"yes": 1.0, "maybe": 0.5, "no": 0.0}
    assert config["prompt"].startswith("{instruction}\n\nQuestion: {query}\n\nTicket: {document}\n\n")


def test_options_named_on_the_page_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .+? \| `[a-z]+` \| (.+) \|$", page, flags=re.MULTILINE)
    assert len(rows) == 11
    for name, options in rows:
        named = set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", options)))
        assert named <= set(registry.method(name).model_fields), name


def test_recipes_named_on_the_page_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = page.partition("## Which one")[2].partition("Put a cheap stage")[0]
    named = set(re.findall(r"`([a-z0-9.-]+)`", rows)) - {"zero-shot"}
    assert len(named) > 10
    assert named <= set(all_recipes())


@pytest.mark.parametrize(("method", "heading"), [("icr", "## ICR"), ("e2rank", "## E2Rank")])
def test_the_tables_of_attention_and_embedding_name_every_option(method, heading) -> None:
    section = (DOCS / PAGES[0]).read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == unordered(
        registry.method(method).model_fields, section
    )


def unordered(names, section: str) -> list[str]:
    """The names in the order in which a text has them."""
    return sorted(names, key=lambda name: section.find(f"| `{name}` |"))
