"""The base installs on every platform: wordllama, which is compiled, is required exactly where it has wheels."""

import pytest

from tests.packaging.wheels import PLATFORMS, PYTHONS, dependencies, wanted

WHEELS = {"Linux x86-64", "macOS arm64", "Windows x86-64"}


@pytest.mark.parametrize(("name", "system", "machine", "tags"), PLATFORMS, ids=[one[0] for one in PLATFORMS])
@pytest.mark.parametrize("python", PYTHONS)
def test_wordllama_is_required_where_it_has_wheels(name, system, machine, tags, python) -> None:
    required = {one.name for one in dependencies() if wanted(one, python, system, machine)}
    assert ("wordllama" in required) is (name in WHEELS and python != "3.14")
    assert required >= {"numpy", "tokenizers", "safetensors", "PyStemmer", "bm25s"}
