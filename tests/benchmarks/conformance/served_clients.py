"""Rerank clients against a process of `swaprank serve`: make conformance-clients.

Every client ranks the same passages, is refused with a wrong key, and names a model that is not served. Its order must be the
library's, and its exceptions should show what the server said. The table is written into docs/serving.md.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from swaprank import Reranker

from .clients import CLIENTS, QUERY, TEXTS, TOP, Client
from .marked_page import write_between

PAGE = Path(__file__).parents[3] / "docs" / "serving.md"
MARK = "<!-- clients -->"
KEY = "a-key-of-this-run"
MODEL = "lexical"


@contextmanager
def served() -> Iterator[str]:
    """The address of a server that keeps two passages of a request that does not say how many it wants."""
    with tempfile.TemporaryDirectory() as folder:
        config, log = Path(folder, f"{MODEL}.yaml"), Path(folder, "log")
        config.write_text("method: bm25\ntop_n: 2\n")
        command = [sys.executable, "-c", "from swaprank.cli import main; main()", "serve", "--port", "0"]
        with log.open("wb") as said:
            environment = {**os.environ, "SWAPRANK_API_KEYS": KEY}
            process = subprocess.Popen([*command, "-c", str(config)], stderr=said, env=environment)
            try:
                while not (found := re.search(r"running on (\S+:\d+)", log.read_text())):
                    if process.poll() is not None:
                        raise RuntimeError(log.read_text())
                    time.sleep(0.1)
                yield found[1]
                if "Traceback" in log.read_text():
                    raise RuntimeError(log.read_text())
            finally:
                process.terminate()
                process.wait(30)


def said(client: Client, url: str, key: str, model: str) -> str:
    """What a client says of a request that fails, with the errors below."""
    try:
        found = client.rank(url, key, model)
    except Exception as error:
        parts: list[str] = []
        link: BaseException | None = error
        while link is not None:
            parts.append(f"{link!r} {link}")
            link = link.__cause__ or link.__context__
        return " ".join(parts)
    return f"no error, but {found}"


def row(client: Client, url: str, expected: list[int]) -> tuple[str, bool]:
    """A client's line of the table, and whether its order is the library's."""
    try:
        found = client.rank(url, KEY, MODEL)
        order = "as the library" if found == expected else f"{found}, not {expected}"
    except Exception as error:
        found, order = [], f"{type(error).__name__}: {error}"
    shown = "yes" if "No valid key" in said(client, url, "wrong", MODEL) else "no"
    if client.names_model and f"Served: {MODEL}" not in said(client, url, KEY, "another"):
        shown = "no"
    line = f"| {client.name} | {client.package} {version(client.package)} | `{client.path}` | {order} | {shown} |"
    return line, found == expected


def main() -> None:
    """Ask them all and write the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    expected = Reranker("bm25").rerank(QUERY, TEXTS).order[:TOP]
    with served() as url:
        rows = [row(client, url, expected) for client in CLIENTS]
    head = "| client | package | path | order | shows the server's errors |\n|---|---|---|---|---|"
    table = "\n".join([head, *(line for line, _ in rows)])
    if not all(well for _, well in rows):
        raise SystemExit(f"{table}\nNot all gave the library's order; nothing was written.")
    write_between(PAGE, MARK, table)


if __name__ == "__main__":
    main()
