"""A reranker as a tool of the Model Context Protocol (https://modelcontextprotocol.io), by the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import SwaprankError, require
from ..reranker import Reranker
from ..types import Query
from .replies import relevance

if TYPE_CHECKING:
    from mcp.server import MCPServer


def build_mcp_server(reranker: Reranker, *, max_passages: int = 1000) -> MCPServer[Any]:
    """An MCP server with the tool ``rerank``; its ``run()`` speaks over standard input and output.

    Args:
        reranker: What ranks.
        max_passages: The most passages of a call.

    Raises:
        MissingDependencyError: The extra ``mcp`` is not installed.
    """
    require("mcp", extra="mcp", purpose="swaprank serve --mcp")
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    server: MCPServer[Any] = MCPServer("swaprank", version=__version__)

    @server.tool()
    async def rerank(
        query: str, passages: list[str], top_n: int = 10, instruction: str | None = None
    ) -> list[dict[str, Any]]:
        """Order passages by their relevance to a query, best first.

        Args:
            query: The question or search string.
            passages: The candidate passages.
            top_n: How many passages to return.
            instruction: What counts as relevant, for rerankers that take one.
        """
        if top_n < 1:
            raise ToolError(f"top_n is {top_n}. Give 1 or more.")
        if len(passages) > max_passages:
            raise ToolError(f"There are {len(passages)} passages, and {max_passages} at most.")
        try:
            ranking = await reranker.arerank(Query(query, instruction=instruction), passages, top_n=top_n)
        except SwaprankError as error:
            raise ToolError(str(error)) from error
        return [
            {"index": ranked.index, "score": score, "text": ranked.passage.text}
            for ranked, score in zip(ranking.passages, relevance(ranking.passages), strict=True)
        ]

    return server
