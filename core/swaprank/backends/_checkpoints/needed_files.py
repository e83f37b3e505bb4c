"""Which files of a repository a model is loaded from: texts, weights in one format, and code where it is trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from .hub import HubAccess
from .onnx_files import chosen_onnx_file, with_outside_weights

# Configs, vocabularies and templates, by the end of their names; `artifact.metadata` is colbert-ai's.
_TEXTS = (
    ".json",
    ".txt",
    ".model",
    ".jinja",
    ".metadata",
    ".tiktoken",
    ".vocab",
    ".bpe",
    ".codes",
    ".spm",
    ".yaml",
    ".yml",
)
# Folders of other frameworks' weights, of checkpoints and of logs.
_FOREIGN = re.compile(r"^(onnx|openvino|original|coreml|tflite|flax|tf|gguf|runs|logs|\.git.*|checkpoint-\d+)$")
# A whole model's weights in the formats that are read, the better first, in one file or in numbered ones.
_WHOLE = (
    re.compile(r"^model(-\d+-of-\d+)?\.safetensors$"),
    re.compile(r"^pytorch_model(-\d+-of-\d+)?\.bin$"),
)
# Mistral's own format, and number formats that nobody asked for: model.fp16.safetensors, pytorch_model.fp16.bin.
_VARIANT = re.compile(r"^consolidated|^(model|pytorch_model)\.\w+(-\d+-of-\d+)?\.(safetensors|bin)$")
_WEIGHTS = (".safetensors", ".bin")
# Written by trainers, and no part of a model.
_TRAINING = frozenset({"training_args.bin", "optimizer.bin", "scheduler.bin", "random_states_0.bin"})
_EXPORTS = {"onnx": (".onnx", ".onnx_data", ".onnx.data"), "openvino": (".xml", ".bin")}


def needed_files(names: Iterable[str], access: HubAccess, model: str = "") -> list[str]:
    """The files to fetch.

    Args:
        names: The paths of all files of a repository, with ``/`` between folders.
        access: What is wanted of them.
        model: The repository's name in messages.

    Raises:
        BackendError: Only an ONNX file will do, and there is none, or it is not clear which.
    """
    paths = sorted({PurePosixPath(name) for name in names})
    kept = [path for path in paths if _is_text(path, access)]
    if access.weights and access.engine == "onnxruntime":
        every = [str(path) for path in paths]
        network = chosen_onnx_file(every, access.engine_file, model)
        kept += map(PurePosixPath, with_outside_weights(every, network))
    elif access.weights:
        kept += _exported(paths, access) or _gguf(paths, access) or _weights(paths)
    return [str(path) for path in sorted(set(kept))]


def _is_text(path: PurePosixPath, access: HubAccess) -> bool:
    if _is_foreign(path):
        return False
    return path.name.endswith(_TEXTS) or (access.trust_remote_code and path.suffix == ".py")


def _weights(paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Of each folder the weights in one format; what has another name than a whole model's is kept beside them."""
    folders: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in paths:
        if path.name.endswith(_WEIGHTS) and not _is_foreign(path) and path.name not in _TRAINING:
            folders.setdefault(path.parent, []).append(path)
    kept: list[PurePosixPath] = []
    for files in folders.values():
        formats = [[path for path in files if pattern.match(path.name)] for pattern in _WHOLE]
        whole = next(filter(None, formats), [])
        others = [path for path in files if not any(path in one for one in formats)]
        stems = {path.stem for path in others if path.suffix == ".safetensors"}
        # An adapter may be there in both formats, too.
        others = [path for path in others if path.suffix == ".safetensors" or path.stem not in stems]
        kept += whole + [path for path in others if not (whole and _VARIANT.match(path.name))]
    return kept


def _gguf(paths: Iterable[PurePosixPath], access: HubAccess) -> list[PurePosixPath]:
    return [path for path in paths if access.gguf_file and str(path) == access.gguf_file]


def _exported(paths: Iterable[PurePosixPath], access: HubAccess) -> list[PurePosixPath]:
    """The exported network with the files of its weights; nothing where there is none, and the engine exports one."""
    ends = _EXPORTS.get(access.engine)
    if ends is None:
        return []
    found = [path for path in paths if path.name.endswith(ends) and (path.suffix != ".bin" or "openvino" in path.name)]
    wanted = access.engine_file or ("model.onnx" if access.engine == "onnx" else "openvino_model.xml")
    chosen = [path for path in found if path.name == PurePosixPath(wanted).name]
    stems = {path.stem for path in chosen}
    return [path for path in found if path.name.partition(".")[0] in stems or path.stem in stems]


def _is_foreign(path: PurePosixPath) -> bool:
    return any(_FOREIGN.match(part) for part in path.parts[:-1])
