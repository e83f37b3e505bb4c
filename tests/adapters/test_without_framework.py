"""An adapter whose framework is not installed says the pip line, and a package that has no model says which it is."""

import subprocess
import sys

import pytest

from swaprank import BackendError, MissingDependencyError
from swaprank.backends._checkpoints.model_path import model_path


@pytest.mark.parametrize(
    ("adapter", "module", "extra"),
    [("llamaindex_rerankers", "llama_index", "llamaindex"), ("langchain_rerankers", "langchain_core", "langchain")],
)
def test_importing_an_adapter_without_its_framework_says_the_pip_line(adapter, module, extra) -> None:
    code = f"""
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
try:
    import {adapter}
except ImportError as error:
    print(error)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f'pip install "swaprank[{extra}]"' in out


@pytest.mark.parametrize("model", ["package:nope/x", "package:no.such/x", "package:/x"])
def test_a_package_that_is_not_installed_is_named(model) -> None:
    with pytest.raises(MissingDependencyError, match=r"not installed\. Install the distribution") as caught:
        model_path(model)
    assert "embedded" not in str(caught.value)


def test_a_package_without_such_a_folder_is_no_missing_package() -> None:
    with pytest.raises(BackendError, match="has no folder 'nope'"):
        model_path("package:swaprank/nope")
