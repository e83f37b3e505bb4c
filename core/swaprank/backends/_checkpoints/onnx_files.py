"""Which of a model's ONNX files is its network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from ...errors import BackendError

# Where exporters put a network in full precision, the first choice first.
_USUAL = ("onnx/model.onnx", "model.onnx")
_MOST_LISTED = 8


def chosen_onnx_file(names: Iterable[str], wanted: str | None, model: str) -> str:
    """The file of the network: the wanted one, one with a usual name, or the only one.

    Args:
        names: The paths of all files of the model, with ``/`` between folders.
        wanted: The path that the config names; None where it names none.
        model: The model's name in messages.

    Raises:
        BackendError: It is not there, there is none, or there are several without a usual name.
    """
    found = sorted(name for name in names if name.endswith(".onnx"))
    listed = ", ".join(found[:_MOST_LISTED]) + (f" and {more} more" if (more := len(found) - _MOST_LISTED) > 0 else "")
    if wanted is not None:
        asked = str(PurePosixPath(wanted.replace("\\", "/")))
        if asked in found:
            return asked
        raise BackendError(
            f"The model {model!r} has no file {wanted!r}; its ONNX files: {listed or 'none'}.",
            hint="Give onnx_file as a path relative to the model's folder or repository.",
        )
    for usual in _USUAL:
        if usual in found:
            return usual
    if len(found) == 1:
        return found[0]
    if found:
        raise BackendError(
            f"The model {model!r} has {len(found)} ONNX files, none of them called {' or '.join(_USUAL)}: {listed}.",
            hint=f"Say which one: backend: {{type: onnx, onnx_file: {found[0]}}}",
        )
    raise BackendError(
        f"The model {model!r} has no ONNX file.",
        hint="Export it (optimum-cli export onnx), or use backend: transformers.",
    )


def with_outside_weights(names: Iterable[str], chosen: str) -> list[str]:
    """The file of the network and the files beside it that hold weights of it, as exporters name them.

    Args:
        names: The paths of all files of the model.
        chosen: The file of the network.
    """
    path = PurePosixPath(chosen)
    beginnings = (f"{path.name}_data", f"{path.name}.data", f"{path.stem}.data")
    beside = [PurePosixPath(name) for name in names]
    return [chosen, *(str(one) for one in beside if one.parent == path.parent and one.name.startswith(beginnings))]
