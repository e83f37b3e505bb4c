"""``swaprank serve``: rerankers behind the HTTP interfaces that rerank clients speak, and behind MCP."""
