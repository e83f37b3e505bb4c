"""The base installs on every platform without a compiler: nothing of it is left out, and wordllama is the release without code to build."""

import pytest

from tests.packaging.wheels import PLATFORMS, PYTHONS, dependencies, wanted


@pytest.mark.parametrize(("name", "system", "machine", "tags"), PLATFORMS, ids=[one[0] for one in PLATFORMS])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_base_is_the_same_everywhere(name, system, machine, tags, python) -> None:
    required = {one.name for one in dependencies() if wanted(one, python, system, machine)}
    assert required >= {"numpy", "tokenizers", "safetensors", "PyStemmer", "bm25s", "wordllama"}


def test_no_release_of_wordllama_that_is_compiled_can_be_chosen() -> None:
    [specifier] = [one.specifier for one in dependencies() if one.name == "wordllama"]
    assert "0.2.2.post0" in specifier
    assert not any(
        specifier.contains(version, prereleases=True) for version in ("0.2.3.post35", "0.3.9", "0.4.0.post1")
    )
