"""The tiny models with attention heads wide enough for vLLM, whose kernels on a CPU start at 32 dimensions.

Decoders are padded with zeros, and compute what they did: the recordings still hold. The heads of encoders are as wide
as their hidden states allow, so two heads of theirs become one: another network, compared with transformers.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.conftest import MODELS

if TYPE_CHECKING:
    import torch

NARROW, WIDE = 16, 32
_FOLDER = TemporaryDirectory(prefix="swaprank-wide-")


@cache
def widened(name: str) -> str:
    """The folder of the widened model."""
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(MODELS / name, Path(_FOLDER.name) / name))
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] in ("bert", "xlm-roberta"):
        config["num_attention_heads"] //= 2
    else:
        tensors = load_file(folder / "model.safetensors")
        config, tensors = _padded(config, tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@cache
def sentence_model(pooling: str, normalized: bool) -> str:
    """A folder as sentence-transformers keeps it, with prompts."""
    model = Path(shutil.copytree(widened("tiny-qwen3-embedding"), Path(_FOLDER.name) / f"{pooling}-{normalized}"))
    kinds = ["Transformer", "Pooling", "Normalize"] if normalized else ["Transformer", "Pooling"]
    modules = [
        {
            "idx": place,
            "name": str(place),
            "path": "" if place == 0 else f"{place}_{kind}",
            "type": f"sentence_transformers.models.{kind}",
        }
        for place, kind in enumerate(kinds)
    ]
    (model / "modules.json").write_text(json.dumps(modules))
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 64, f"pooling_mode_{pooling}": True})
    )
    (model / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "Instruct: find\nQuery: ", "document": ""}})
    )
    (model / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40}))
    return str(model)


def _padded(config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    import torch

    # vLLM takes no max_model_len beyond the positions of the config, and one recording was made with more.
    config = {**config, "head_dim": WIDE, "max_position_embeddings": 16384}
    if config["model_type"] == "qwen2":
        # Qwen2 has no width of heads of its own; it is Llama with biases.
        kind = config["architectures"][0].replace("Qwen2", "Llama")
        config |= {"architectures": [kind], "model_type": "llama", "attention_bias": True}
        for name in [name for name in tensors if name.endswith("o_proj.weight")]:
            tensors[name.replace(".weight", ".bias")] = torch.zeros(tensors[name].shape[0])
    normed = any("q_norm" in name for name in tensors)
    return config, {name: _pad(name, tensor, normed).contiguous() for name, tensor in tensors.items()}


# Rotation pairs dimension i with i + width/2 and turns it by base^(-2i/width): at twice the width, by that of 2i.
_ROTATED = [*range(0, NARROW, 2), *range(NARROW, WIDE, 2)]
_PLAIN = list(range(NARROW))


def _pad(name: str, tensor: torch.Tensor, normed: bool) -> torch.Tensor:
    part = name.split(".")[-2]
    # Scores are divided by the root of the width, and norms over a half of zeros come out greater by the root of two.
    if part == "q_norm":
        return _spread(tensor, _ROTATED)
    if part == "k_norm":
        return _spread(tensor, _ROTATED) / 2**0.5
    if part == "q_proj":
        return _spread(tensor, _ROTATED) * (1 if normed else 2**0.5)
    if part == "k_proj":
        return _spread(tensor, _ROTATED)
    if part == "v_proj":
        return _spread(tensor, _PLAIN)
    if part == "o_proj" and tensor.dim() == 2:
        return _spread(tensor.T, _PLAIN).T
    return tensor


def _spread(tensor: torch.Tensor, places: list[int]) -> torch.Tensor:
    """Each head's rows at their places among zeros."""
    heads = tensor.reshape(-1, NARROW, *tensor.shape[1:])
    wide = heads.new_zeros(len(heads), WIDE, *tensor.shape[1:])
    wide[:, places] = heads
    return wide.reshape(-1, *tensor.shape[1:])
