"""The Dockerfile of `swaprank serve` names extras, options, paths and ports that exist; it is built nowhere in the tests."""

import json
import re
import shlex
import tomllib
from pathlib import Path

from starlette.routing import Match
from typer.main import get_command

from swaprank.cli.app import app
from swaprank.server.app import build_app
from swaprank.server.options import ServerOptions

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "serve"
LINES = (FOLDER / "Dockerfile").read_text()


def instruction(name):
    """The rest of the only line that begins with the name."""
    [found] = re.findall(rf"^{name} (.*)$", LINES, re.MULTILINE)
    return found


def test_its_extras_exist() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [extras] = re.findall(r"\[([a-z,-]+)\]\"", LINES)
    assert {"serve", "transformers"} == set(extras.split(",")) <= set(known)


def test_what_it_copies_exists() -> None:
    sources = shlex.split(instruction("COPY"))[:-1]
    assert [one for one in sources if "*" not in one] == ["reranker.yaml"]
    assert (FOLDER / "reranker.yaml").is_file()
    assert "*.whl" in sources


def test_its_command_is_understood() -> None:
    command = json.loads(instruction("CMD"))
    assert command[:2] == ["swaprank", "serve"]
    serve = get_command(app).commands["serve"]
    parsed = serve.make_context("serve", command[2:])
    assert parsed.params["port"] == int(instruction("EXPOSE"))


def test_its_health_check_asks_a_path_that_is_served() -> None:
    port, path = re.search(r"127\.0\.0\.1:(\d+)(/\w+)", instruction("HEALTHCHECK")).groups()
    assert port == instruction("EXPOSE")
    served = build_app(ServerOptions({"bm25": "bm25"}))
    scope = {"type": "http", "method": "GET", "path": path}
    assert any(route.matches(scope)[0] is Match.FULL for route in served.routes)
