"""Every example runs, in a process of its own, and finds the passage that answers."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = {"passages.py", "multi_hop.py"}
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in SHARED and "_pages" not in path.name)
DECOMPOSING = [script for script in SCRIPTS if script.endswith("_decomposition.py")]


def output(script: str) -> str:
    done = subprocess.run([sys.executable, EXAMPLES / script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script not in DECOMPOSING])
def test_example(script) -> None:
    printed = output(script)
    assert "Green tea is made from leaves" in printed
    assert "Coffee" not in printed


@pytest.mark.parametrize("script", DECOMPOSING)
def test_decomposition_finds_both_hops(script) -> None:
    printed = output(script)
    assert "The whaler Aurora left the yards of Nordvik" in printed
    assert "designed by Ida Holm" in printed
    assert len(printed.splitlines()) == 3


def test_there_are_examples_of_every_use() -> None:
    assert {"llamaindex_query_engine.py", "langchain_retriever.py", "langchain_chain.py", "langgraph_node.py"} <= set(
        SCRIPTS
    )
    assert {"config_swap.py", "cascade.py", "plain.py", "hybrid.py", "fallback.py"} <= set(SCRIPTS)
    assert {"llamaindex_own_llm.py", "langchain_own_llm.py"} <= set(SCRIPTS)
    assert DECOMPOSING == ["langchain_decomposition.py", "llamaindex_decomposition.py"]
