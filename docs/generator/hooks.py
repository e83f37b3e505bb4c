"""What mkdocs calls while it builds: generated pages go in, links of the repository become links of the site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[1]))

from generator import api_pages, config_page, links, method_pages, repository_pages

ROOT = Path(__file__).parents[2]


def on_config(config: Any) -> Any:
    """Complete the navigation: a page for each method, the API, and pages of docs/ that mkdocs.yml does not name."""
    sections = {title: pages for one in config.nav for title, pages in one.items()}
    named = {page for pages in sections.values() for page in pages}
    written = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    sections["Guides"] += [page for page in written if page not in named]
    sections["Methods"] += list(method_pages.pages())
    sections["Reference"] += list(api_pages.pages())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages = {
        **repository_pages.pages(ROOT),
        **method_pages.pages(),
        **config_page.pages(),
        **api_pages.pages(),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links lead to pages of the site."""
    return links.of_the_site(markdown, page.file.src_uri)
