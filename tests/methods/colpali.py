"""Tiny ColPali and ColQwen2 models: in transformers' own format, and in colpali-engine's with a LoRA adapter.

Their weights are drawn here, by numpy, so that recordings hold for them wherever they are made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import MODELS

_SIZE, _VOCABULARY = 64, 1520
_PALIGEMMA: dict[str, Any] = {
    "model_type": "paligemma",
    "hidden_size": _SIZE,
    "projection_dim": _SIZE,
    "text_config": {
        "model_type": "gemma",
        "hidden_size": _SIZE,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "num_image_tokens": 16,
    },
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "projection_dim": _SIZE,
        "vision_use_head": False,
    },
}
_ADAPTED = ("q_proj", "v_proj", "down_proj")
_LORA = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "target_modules": r"(.*language_model.*(q_proj|v_proj|down_proj).*$|.*custom_text_proj.*$)",
}


def native_colpali(folder: Path) -> Path:
    """A ColPali in the format of transformers."""
    config = {"model_type": "colpali", "vlm_config": _vlm_config(folder), "embedding_dim": 128}
    config["architectures"] = ["ColPaliForRetrieval"]
    weights = {f"vlm.{name}": value for name, value in _paligemma_weights(config["vlm_config"]).items()}
    weights |= {f"embedding_proj_layer.{name}": value for name, value in _projection().items()}
    return _saved(folder, config, weights)


def engine_colpali(folder: Path, *, old: bool = False) -> Path:
    """An adapter in the format of colpali-engine beside its base, with tensors named as before transformers 4.52 or not."""
    config = {**_vlm_config(folder), "architectures": ["ColPali"]}
    weights = {_engine_name(name, old): value for name, value in _paligemma_weights(config).items()}
    weights |= {f"custom_text_proj.{name}": value for name, value in _projection().items()}
    _saved(folder, config, weights)
    return _adapter(folder, {name: value for name, value in weights.items() if name.endswith(".weight")})


def engine_colqwen2(folder: Path) -> Path:
    """The tiny ColQwen2 in the format of colpali-engine: a base, and an adapter beside it."""
    from safetensors.numpy import load_file

    given = MODELS / "tiny-colqwen2"
    config = json.loads((given / "config.json").read_text())["vlm_config"]
    weights = {}
    for name, value in load_file(given / "model.safetensors").items():
        bare = name.removeprefix("vlm.").removeprefix("model.")
        bare = bare.replace("embedding_proj_layer", "custom_text_proj").replace("language_model.", "model.")
        weights[bare] = value
    _saved(folder, {**config, "architectures": ["ColQwen2"]}, weights, tokenizer=given)
    for name in ("preprocessor_config.json",):
        (folder / name).write_text((given / name).read_text())
    return _adapter(folder, {name: value for name, value in weights.items() if name.endswith(".weight")})


def merged(base: Path, adapter: Path) -> dict[str, np.ndarray]:
    """The weights of a base with its adapter added, by the base's names."""
    from safetensors.numpy import load_file

    weights, halves = load_file(base / "model.safetensors"), load_file(adapter / "adapter_model.safetensors")
    for name in weights:
        lora = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        if f"{lora}A.weight" in halves:
            scale = _LORA["lora_alpha"] / _LORA["r"]
            weights[name] = weights[name] + scale * halves[f"{lora}B.weight"] @ halves[f"{lora}A.weight"]
    return weights


def _vlm_config(folder: Path) -> dict[str, Any]:
    """The config of the tiny PaliGemma, whose tokenizer is written beside it."""
    from transformers import AutoTokenizer, PaliGemmaConfig

    tokenizer = AutoTokenizer.from_pretrained(str(MODELS / "tiny-gemma-lm"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.save_pretrained(str(folder))
    token = tokenizer.convert_tokens_to_ids("<image>")
    size = {"height": 56, "width": 56}
    processor = {"image_processor_type": "SiglipImageProcessor", "size": size, "resample": 3, "image_seq_length": 16}
    processor |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_resize": True, "do_normalize": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    text = {**_PALIGEMMA["text_config"], "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    given = {**_PALIGEMMA, "image_token_index": token, "text_config": text}
    given.pop("model_type")
    return dict(PaliGemmaConfig(**given).to_dict())


def _paligemma_weights(config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Drawn weights by the names of transformers' `PaliGemmaModel`."""
    from transformers import PaliGemmaConfig, PaliGemmaModel

    model = PaliGemmaModel(PaliGemmaConfig(**{key: value for key, value in config.items() if key != "model_type"}))
    return _drawn({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, seed=1)


def _projection() -> dict[str, np.ndarray]:
    return _drawn({"weight": (128, _SIZE), "bias": (128,)}, seed=2)


def _drawn(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {name: draw.normal(0, 0.2, shape).astype(np.float32) for name, shape in sorted(shapes.items())}


def _engine_name(name: str, old: bool) -> str:
    if old:
        return "model." + name.replace("language_model.", "language_model.model.")
    return "model.model." + name


def _adapter(base: Path, weights: Mapping[str, np.ndarray]) -> Path:
    folder = base.parent / f"{base.name}-lora"
    shapes = {}
    for name, value in weights.items():
        bare = f"base_model.model.{name.removesuffix('.weight')}"
        decoder = "visual" not in name and "vision" not in name
        if (decoder and bare.endswith(_ADAPTED)) or "custom_text_proj" in bare:
            shapes[f"{bare}.lora_A.weight"] = (4, value.shape[1])
            shapes[f"{bare}.lora_B.weight"] = (value.shape[0], 4)
    return _saved(folder, {**_LORA, "base_model_name_or_path": base.name}, _drawn(shapes, seed=3), adapter=True)


def _saved(
    folder: Path,
    config: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    *,
    tokenizer: Path | None = None,
    adapter: bool = False,
) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    kind = "adapter_" if adapter else ""
    (folder / f"{kind}config.json").write_text(json.dumps(config))
    save_file(
        {name: np.ascontiguousarray(value) for name, value in weights.items()},
        folder / f"{'adapter_model' if adapter else 'model'}.safetensors",
        metadata={"format": "pt"},
    )
    for path in tokenizer.glob("tokenizer*") if tokenizer else ():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
