"""A network in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import BackendError, ConfigError, require
from .._checkpoints.failures import load_failure
from .._tokens.pairs import Encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .options import OnnxOptions

# What an encoder reads. Decoders have positions and earlier keys and values besides.
_READ = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
# The name of the operators that choose the scale of int8 numbers while they run.
_CHOOSES_SCALE = b"DynamicQuantize"


class Network:
    """A loaded network.

    Args:
        file: The ONNX file; weights that lie beside it are found by onnxruntime.
        model: The model's name in messages.
        options: How it is run.

    Attributes:
        inputs: The names of what it reads.
        outputs: The number of dimensions of each output, by its name.
        on_cpu: Whether nothing but the CPU computes.
        alone: Whether each text must be computed by itself. Dynamically quantized networks choose the scale of their
            int8 numbers over a whole batch, so that a score would depend on the other texts of it.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
        BackendError: The file cannot be loaded.
        ConfigError: A provider is not there, or the network is not an encoder of texts of any length.
    """

    def __init__(self, file: Path, model: str, options: OnnxOptions) -> None:
        runtime: Any = require("onnxruntime", extra=options.extra, purpose="backend: onnx")
        _check_providers(options.providers, runtime.get_available_providers())
        settings = runtime.SessionOptions()
        settings.log_severity_level = 3
        if options.threads is not None:
            settings.intra_op_num_threads = options.threads
        try:
            self._session = runtime.InferenceSession(str(file), settings, providers=list(options.providers))
        except Exception as error:  # many types without a common base of their own
            raise load_failure(model, error, trusted=True) from error
        self._model = model
        self._types = {one.name: _TYPES.get(one.type) for one in self._session.get_inputs()}
        self._check_inputs(file.name)
        self.inputs = frozenset(self._types)
        self.outputs = {one.name: len(one.shape) for one in self._session.get_outputs()}
        self.on_cpu = self._session.get_providers() == ["CPUExecutionProvider"]
        self.alone = _holds(file, _CHOOSES_SCALE)

    def run(self, output: str, encodings: Sequence[Encoding], padding: int) -> NDArray[np.float32]:
        """One output of the network for a batch [texts, ...]; shorter texts are filled up at their end.

        Args:
            output: The name of the output.
            encodings: ``input_ids`` and whatever else the network reads.
            padding: The id to fill up with.

        Raises:
            BackendError: The network failed.
        """
        width = max(len(encoding["input_ids"]) for encoding in encodings)
        tables = {}
        for name, kind in self._types.items():
            table = np.full((len(encodings), width), padding if name == "input_ids" else 0, dtype=kind)
            for row, encoding in enumerate(encodings):
                table[row, : len(encoding[name])] = encoding[name]
            tables[name] = table
        try:
            [computed] = self._session.run([output], tables)
        except Exception as error:  # many types without a common base of their own
            raise BackendError(f"The network of {self._model!r} failed: {type(error).__name__}: {error}") from error
        answer: NDArray[np.float32] = np.asarray(computed, dtype=np.float32)
        return answer

    def _check_inputs(self, file: str) -> None:
        further = sorted(self._types.keys() - _READ)
        if further or "input_ids" not in self._types or None in self._types.values():
            raise ConfigError(
                f"The network {file!r} of {self._model!r} reads {', '.join(sorted(self._types))}; "
                f"the onnx backend runs encoders, which read {', '.join(sorted(_READ))} as integers.",
                hint="Use backend: transformers.",
            )
        fixed = [one.shape for one in self._session.get_inputs() if any(isinstance(size, int) for size in one.shape)]
        if fixed:
            raise ConfigError(
                f"The network {file!r} of {self._model!r} reads texts of one size only: {fixed[0]}.",
                hint="Export it with dynamic axes, as optimum-cli does.",
            )


def _check_providers(wanted: Sequence[str], available: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in available]
    if missing:
        raise ConfigError(
            f"onnxruntime has no provider {missing[0]!r} here; it has {', '.join(available)}.",
            hint="CUDAExecutionProvider comes with onnxruntime-gpu, in place of onnxruntime.",
        )


def _holds(file: Path, name: bytes) -> bool:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(name) >= 0
