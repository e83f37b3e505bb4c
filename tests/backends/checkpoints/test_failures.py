"""A model that cannot be loaded: the message names what would read it."""

import shutil

import pytest

from swaprank import BackendError, MissingDependencyError, Reranker
from tests.conftest import MODELS

pytest.importorskip("transformers")
ONNX = r"Its ONNX file is read without torch by backend: onnx, with pip install \"swaprank\[onnx-light\]\"\.$"


@pytest.fixture
def exported(tmp_path):
    """A folder with an ONNX file and without weights of torch."""
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "tiny-bert-cross-encoder", folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"not read")
    return folder


def reranked(folder) -> None:
    # A key that no other test has: the model is loaded anew.
    Reranker({"method": "cross-encoder", "model": str(folder), "max_length": 77}).rerank("q", ["a", "b"])


@pytest.mark.torch
def test_a_folder_of_onnx_files_alone_names_the_backend_that_reads_it(exported) -> None:
    with pytest.raises(BackendError, match=f"cannot be loaded.*{ONNX}"):
        reranked(exported)


@pytest.mark.torch
def test_a_folder_without_any_network_does_not(exported) -> None:
    (exported / "onnx" / "model.onnx").unlink()
    with pytest.raises(BackendError, match=r"cannot be loaded.*hub id or an existing folder"):
        reranked(exported)


@pytest.mark.parametrize("absent", ["torch", "transformers"])
def test_without_torch_onnx_is_named_beside_the_extra(exported, monkeypatch, absent) -> None:
    monkeypatch.setitem(__import__("sys").modules, absent, None)
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingDependencyError, match=rf"needs the package '{absent}'.*\[transformers\].*{ONNX}"):
        reranked(exported)


def test_without_torch_a_model_with_no_onnx_file_names_the_extra_alone(exported, monkeypatch) -> None:
    (exported / "onnx" / "model.onnx").unlink()
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"needs the package 'torch'.*\[transformers\]\"$"):
        reranked(exported)
