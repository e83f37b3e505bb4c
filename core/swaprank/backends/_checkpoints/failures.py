"""What to say when a model cannot be loaded."""

from __future__ import annotations

from ...errors import BackendError


def load_failure(model: str, error: Exception, *, trusted: bool) -> BackendError:
    """An error that names the model, the cause and the way out.

    Args:
        model: The model id or folder.
        error: What the loader raised.
        trusted: Whether ``trust_remote_code`` is on.
    """
    if not trusted and "trust_remote_code" in str(error):
        return BackendError(
            f"The model {model!r} comes with Python code of its own, which is not run unless you say so.",
            hint="If you trust its source, add: backend: {trust_remote_code: true}",
        )
    return BackendError(
        f"The model {model!r} cannot be loaded: {type(error).__name__}: {error}",
        hint="Is it a hub id or an existing folder? Gated models need HF_TOKEN in the environment.",
    )
