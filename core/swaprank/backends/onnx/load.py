"""Loading an encoder out of the files of a folder or a repository, and refusing what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import BackendError, ConfigError
from .._checkpoints.limits import positions_of
from .._checkpoints.onnx_files import chosen_onnx_file
from .._checkpoints.sentence_files import SentenceFiles
from .._checkpoints.snapshot import snapshot
from .._checkpoints.vocabulary import check_vocabulary
from .._tokens.file_tokenizer import FileTokenizer
from .._tokens.starts import TokenStarts
from .encoders import Loaded, PairEncoder, TextEncoder
from .network import Network
from .options import OnnxOptions
from .pooling import POOLINGS

# What exporters call the outputs.
_LOGITS = "logits"
_TOKENS = ("last_hidden_state", "token_embeddings")
_TEXT = "sentence_embedding"
_ACTIVATIONS = ("Sigmoid", "Identity")


def pair_encoder(model: str, options: OnnxOptions) -> PairEncoder:
    """Load a cross-encoder.

    Raises:
        MissingDependencyError: onnxruntime, or the package with the model, is not installed.
        BackendError: The model cannot be found or loaded; the message names it and the cause.
        ConfigError: It has no classification head, or an activation that is not known here.
    """
    files = _Files(model, options)
    activation = files.activation()
    loaded = files.loaded()
    outputs = loaded.network.outputs
    scores = [name for name, dimensions in outputs.items() if dimensions <= 2 and name not in (*_TOKENS, _TEXT)]
    output = _LOGITS if _LOGITS in outputs else scores[0] if len(outputs) == len(scores) == 1 else None
    if output is None:
        raise ConfigError(
            f"The network of {model!r} has the outputs {', '.join(outputs)}: no classification head scores a pair.",
            hint="Embedding models are for method: bi-encoder.",
        )
    return PairEncoder(loaded, output, activation, options)


def text_encoder(model: str, options: OnnxOptions) -> TextEncoder:
    """Load a sentence encoder.

    Raises:
        MissingDependencyError: onnxruntime, or the package with the model, is not installed.
        BackendError: The model cannot be found or loaded; the message names it and the cause.
        ConfigError: It has other modules than network, pooling and normalisation, or gives no embeddings.
    """
    files = _Files(model, options)
    pooling, normalized = files.sentence.pooling() or ("mean", False)
    limits = files.sentence.limits()
    loaded = files.loaded(limits.get("max_seq_length"))
    outputs = loaded.network.outputs
    output = next((name for name in _TOKENS if outputs.get(name) == 3), None)
    if output is None and len(outputs) == 1 and 3 in outputs.values():
        [output] = outputs
    pooled = output is None and outputs.get(_TEXT) == 2
    if output is None and not pooled:
        raise ConfigError(
            f"The network of {model!r} has the outputs {', '.join(outputs)}, and no embeddings of tokens or texts.",
            hint="Cross-encoders are for method: cross-encoder.",
        )
    return TextEncoder(
        loaded,
        output or _TEXT,
        options,
        pooling=None if pooled else pooling,
        normalized=normalized,
        prompts=files.sentence.prompts(),
        lower_case=bool(limits.get("do_lower_case")),
    )


def token_starts(model: str, options: OnnxOptions) -> TokenStarts:
    """Load a model's tokenizer alone, without its network.

    Raises:
        BackendError: It cannot be found or read.
    """
    own: Any = _Files(model, options).tokenizer(("input_ids",))
    return TokenStarts(own, model)


class _Files:
    """What lies in a model's folder or repository."""

    def __init__(self, model: str, options: OnnxOptions) -> None:
        self._model = model
        self._options = options
        self._folder = Path(snapshot(model, options.hub()).path)
        if not self._folder.is_dir():
            raise BackendError(
                f"The model {model!r} cannot be loaded: there is no such folder.",
                hint="Give a hub id or an existing folder.",
            )
        self.sentence = SentenceFiles(model, self._file, reader="the onnx backend", poolings=POOLINGS)
        self._config: dict[str, Any] = self.sentence.json("config.json") or {}

    def loaded(self, limit: int | None = None) -> Loaded:
        """The network and its tokenizer; the limit is that of sentence-transformers' files."""
        names = [str(path.relative_to(self._folder).as_posix()) for path in self._folder.rglob("*.onnx")]
        chosen = chosen_onnx_file(names, self._options.onnx_file, self._model)
        network = Network(self._folder / chosen, self._model, self._options)
        tokenizer = self.tokenizer(network.inputs)
        return Loaded(
            self._model,
            network,
            tokenizer,
            limit=limit or tokenizer.model_max_length,
            positions=positions_of(self._config),
        )

    def tokenizer(self, inputs: frozenset[str] | tuple[str, ...]) -> FileTokenizer:
        """The tokenizer of a network that reads these inputs."""
        tokenizer = FileTokenizer(self._folder, self._model, inputs)
        own: Any = tokenizer
        check_vocabulary(own, self._model)
        return tokenizer

    def activation(self) -> str | None:
        """The activation that the files name, in lower case; None where they name none."""
        named = self.sentence.activation(self._config)
        if named is None:
            return None
        name = named.rpartition(".")[2]
        if name not in _ACTIVATIONS:
            raise ConfigError(
                f"The model {self._model!r} asks for the activation {named!r}; the onnx backend knows "
                f"{' and '.join(_ACTIVATIONS)}.",
                hint="Use backend: transformers.",
            )
        return name.lower()

    def _file(self, name: str) -> Path | None:
        path = self._folder / name
        return path if path.is_file() else None
