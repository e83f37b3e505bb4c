"""What to say when a model cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import BackendError, MissingDependencyError, require

_WHICH = "Is it a hub id or an existing folder? Gated models need HF_TOKEN in the environment."
_EXPORTED = 'Its ONNX file is read without torch by backend: onnx, with pip install "swaprank[onnx-light]".'
_WEIGHTS = ("*.safetensors", "*.bin", "*.index.json")
_ONNX = ("*.onnx", "onnx/*.onnx")


def required(module: str, model: str, purpose: str) -> ModuleType:
    """A package of the extra ``transformers`` that a model is loaded with, by torch.

    Raises:
        MissingDependencyError: It or torch is not installed. For a folder with an ONNX file it says what does without.
    """
    try:
        require("torch", extra="transformers", purpose=f"{purpose} {model!r}")
        return require(module, extra="transformers", purpose=f"{purpose} {model!r}")
    except MissingDependencyError as error:
        if not _holds(model, _ONNX):
            raise
        raise MissingDependencyError(f"{error}.", hint=_EXPORTED) from error


def load_failure(model: str, error: Exception, *, trusted: bool) -> BackendError:
    """An error that names the model, the cause and the way out.

    Args:
        model: The model id or folder.
        error: What the loader raised.
        trusted: Whether ``trust_remote_code`` is on.
    """
    if not trusted and "trust_remote_code" in str(error):
        return own_code(model)
    exported = _holds(model, _ONNX) and (isinstance(error, ImportError) or not _holds(model, _WEIGHTS))
    what = f"The model {model!r} cannot be loaded: {type(error).__name__}: {error}"
    return BackendError(what, hint=_EXPORTED if exported else _WHICH)


def _holds(model: str, patterns: tuple[str, ...]) -> bool:
    """Whether the model is a folder that has such a file."""
    return any(any(Path(model).glob(pattern)) for pattern in patterns)


def own_code(model: str) -> BackendError:
    """The error for a model whose code is not trusted."""
    return BackendError(
        f"The model {model!r} comes with Python code of its own, which is not run unless you say so.",
        hint="If you trust its source, add: backend: {trust_remote_code: true}",
    )


def hub_failure(
    model: str, error: Exception, endpoint: str, revision: str | None, *, exported: bool = False
) -> BackendError:
    """An error for a model that the hub did not give, and that is not in the cache.

    Args:
        model: The hub id.
        error: What the hub's library raised.
        endpoint: The hub's address.
        revision: Branch, tag or commit that was asked for.
        exported: Whether an exported network is wanted, which the hub id alone does not say.
    """
    kind, status = type(error).__name__, status_of(error)
    if kind == "OfflineModeIsEnabled":
        what = "it is not in the cache, and the hub is not to be asked (local_files_only or HF_HUB_OFFLINE)."
        named = "--config FILE" if exported else model
        hint = f"Fetch it where there is a network: swaprank download {named}"
    elif kind == "RevisionNotFoundError":
        what, hint = f"it has no revision {revision!r} on {endpoint}.", "Give a branch, a tag or a whole commit."
    elif kind == "GatedRepoError" or status == 403:
        what = f"{endpoint} gives it only to those who have asked for access (HTTP {status})."
        hint = f"Ask for it at {endpoint}/{model}, and put your token into HF_TOKEN."
    elif kind == "RepositoryNotFoundError" or status in (401, 404):
        what, hint = f"{endpoint} has no such model, or shows it only to those with access (HTTP {status}).", _WHICH
    elif status is not None:
        what = f"{endpoint} answered with HTTP {status}."
        hint = "Try again later, or set local_files_only for a model that is in the cache."
    else:
        what = f"{endpoint} cannot be reached, and it is not in the cache: {kind}: {error}."
        hint = "Check the network, proxies and HF_ENDPOINT; 'swaprank download' fetches it where there is a network."
    return BackendError(f"The model {model!r} cannot be loaded: {what}", hint=hint)


def status_of(error: Exception) -> int | None:
    """The HTTP status in an error of the hub's library; None where no answer came."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None
