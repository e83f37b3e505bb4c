"""The tool that an MCP client sees, over the protocol of the official SDK."""

import json
import os
import sys

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from swaprank import Reranker
from swaprank.server.mcp_server import build_mcp_server


async def test_the_tool_ranks() -> None:
    async with Client(build_mcp_server(Reranker("bm25"))) as client:
        [tool] = (await client.list_tools()).tools
        assert tool.name == "rerank"
        assert set(tool.input_schema["properties"]) == {"query", "passages", "top_n", "instruction"}
        given = {"query": "tea", "passages": ["coffee", "green tea", "tea"], "top_n": 2}
        done = await client.call_tool("rerank", given)
        assert [one["index"] for one in done.structured_content["result"]] == [2, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"query": " ", "passages": ["a"]}, "The query is ' '"),
        ({"query": "a", "passages": ["a"], "top_n": 0}, "top_n is 0"),
        ({"query": "a", "passages": ["a"] * 4}, "4 passages, and 3 at most"),
        ({"query": "a", "passages": ["a"], "instruction": "b"}, "takes no instruction"),
    ],
)
async def test_what_is_wrong_is_told(given, said) -> None:
    async with Client(build_mcp_server(Reranker("bm25"), max_passages=3)) as client:
        done = await client.call_tool("rerank", given)
        assert done.is_error
        assert said in done.content[0].text


async def test_the_command_speaks_over_standard_input_and_output() -> None:
    command = ["-c", "from swaprank.cli import main; main()", "serve", "--mcp", "-r", "bm25"]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
    async with Client(stdio_client(parameters)) as client:
        done = await client.call_tool("rerank", {"query": "tea", "passages": ["coffee", "tea"]})
        assert json.loads(done.content[0].text)["index"] == 1
