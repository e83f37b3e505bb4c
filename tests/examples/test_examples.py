"""Every example runs, in a process of its own, and finds the passage that answers."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "passages.py")


@pytest.mark.parametrize("script", SCRIPTS)
def test_example(script) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Green tea is made from leaves" in done.stdout
    assert "Coffee" not in done.stdout


def test_there_are_examples_of_every_use() -> None:
    assert {"llamaindex_query_engine.py", "langchain_retriever.py", "langchain_chain.py", "langgraph_node.py"} <= set(
        SCRIPTS
    )
    assert {"config_swap.py", "cascade.py", "plain.py"} <= set(SCRIPTS)
