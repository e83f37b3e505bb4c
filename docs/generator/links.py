"""Links as the repository has them, turned into links of the site."""

from __future__ import annotations

import posixpath
import re

# Files outside docs/ that have a page of their own.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"(\]\()([^)\s#]*)((?:#[^)\s]*)?\))")
# Pages that are written for the root of the repository.
_FROM_ROOT = frozenset(PAGES.values())


def of_the_site(markdown: str, page: str) -> str:
    """The page's text with every relative link as the site needs it.

    Args:
        markdown: The text.
        page: Its path in the site, such as ``config.md`` or ``methods/bm25.md``.
    """
    here = "" if page in _FROM_ROOT else posixpath.join("docs", posixpath.dirname(page))

    def turned(found: re.Match[str]) -> str:
        target = found[2]
        if not target or "://" in target or target.startswith("mailto:"):
            return found[0]
        path = posixpath.normpath(posixpath.join(here, target))
        if path.startswith("docs/"):
            path = path.removeprefix("docs/")
        elif path.split("/")[0] == "examples":
            path = "examples.md"
        else:
            path = PAGES.get(path, path)
        return found[1] + posixpath.relpath(path, posixpath.dirname(page) or ".") + found[3]

    text = _LINK.sub(turned, markdown)
    if page == "methods.md":
        text = re.sub(r"^\| `([\w-]+)` \|", r"| [`\1`](methods/\1.md) |", text, flags=re.MULTILINE)
    return text
