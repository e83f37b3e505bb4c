"""The documentation site builds with no warning, and shows every page, method, option and public name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from swaprank.config import registry

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def text(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text(encoding="utf-8")


def test_every_page_and_method_is_in_the_navigation(site) -> None:
    navigation = set(re.findall(r'href="([^"]+)/" class="md-nav__link"', text(site, "")))
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages | {f"methods/{name}" for name in registry.names("method")} <= navigation
    assert {"contributing", "changelog", "config-reference", "api/swaprank", "examples"} <= navigation


def test_the_page_of_a_method_has_its_options_and_recipes(site) -> None:
    page = text(site, "methods/bge-llm-reranker")
    assert "<h2" in page and "Options" in page
    for field in registry.method("bge-llm-reranker").model_fields:
        assert f"<code>{field}</code>" in page, field
    assert "bge-reranker-v2-gemma" in page


def test_the_reference_has_every_backend_and_public_name(site) -> None:
    page = text(site, "config-reference")
    for name in registry.names("backend"):
        for field in registry.backend(name).Options.model_fields:
            assert f"<code>{field}</code>" in page, (name, field)
    api = text(site, "api/swaprank")
    assert 'id="swaprank.Reranker.rerank"' in api
    assert 'id="swaprank.Ranking"' in api


def test_no_page_names_a_font_or_a_script_of_another_host(site) -> None:
    page = text(site, "")
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!squidfunk)[^"]+\.(?:js|css|woff2?)', page)
