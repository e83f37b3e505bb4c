"""Sentence embeddings in vLLM, pooled and normalised as sentence-transformers does."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, require
from ...requests import Embed, Embedded, Response, Usage
from ...scores.coverage import coverage
from .._checkpoints.limits import check_max_length, positions
from .._checkpoints.sentence_files import SentenceFiles
from .._checkpoints.source import Source
from .._tokens.quoting import Quoting
from .._tokens.starts import TokenStarts
from .engine import Engine, start

if TYPE_CHECKING:
    from .options import VllmOptions

_POOLINGS = {"cls": "CLS", "mean": "MEAN", "lasttoken": "LAST"}


def load(model: str, options: VllmOptions) -> TextEmbedder:
    """Start an engine that embeds texts.

    Raises:
        MissingDependencyError: vLLM is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: The model does more than vLLM can.
    """
    files = _Files(model, options)
    pooling, normalized = files.pooling()
    vllm: Any = require("vllm.config", extra="vllm", purpose="backend: vllm")
    pooler = vllm.PoolerConfig(seq_pooling_type=_POOLINGS[pooling], use_activation=normalized)
    engine = start(model, options, runner="pooling", pooler_config=pooler)
    if "embed" not in engine.tasks:
        raise ConfigError(
            f"The model {model!r} embeds nothing: vLLM can {', '.join(sorted(engine.tasks))} with it.",
            hint="Give an embedding model.",
        )
    quoting = Quoting(engine.tokenizer, model, parse_control_tokens=options.parse_control_tokens)
    return TextEmbedder(engine, quoting, files.prompts(), files.max_seq_length())


def token_starts(model: str, options: VllmOptions) -> TokenStarts:
    """Load a model's tokenizer alone, without an engine.

    Raises:
        BackendError: It cannot be loaded, or does not say where its tokens begin.
    """
    return TokenStarts(Source(model, options.hub(), adapters=options.adapters).tokenizer(), model)


class TextEmbedder:
    """A sentence embedding model behind a lock: tokenizers are used by one thread at a time.

    Args:
        engine: What computes embeddings.
        quoting: Its tokenizer.
        prompts: The model's own prompts by role.
        max_length: The model's own limit; None for that of its tokenizer and its positions.
    """

    def __init__(self, engine: Engine, quoting: Quoting, prompts: dict[str, str], max_length: int | None) -> None:
        self._engine = engine
        self._quoting = quoting
        self._prompts = prompts
        self._params: Any = require("vllm", extra="vllm", purpose="backend: vllm").PoolingParams
        self._most = min(engine.context, positions(engine.config) or engine.context)
        self._own = min(max_length or engine.tokenizer.model_max_length, self._most)
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Embed]) -> list[Response]:
        """Answer all requests, in order; equal ones once."""
        unique = list(dict.fromkeys(requests))
        with self._lock:
            read = [self._read(request) for request in unique]
            # vLLM takes no prompt without tokens; the embedding of nothing is zero.
            some = [ids for ids, _, _ in read if ids]
            vectors = iter(self._engine.pool("embed", some, [self._params() for _ in some]))
        zero = np.zeros(self._engine.config.get_text_config().hidden_size, dtype=np.float32)
        answers = {
            request: Embedded(next(vectors).numpy() if ids else zero, covered, Usage(len(ids), cut=int(cut)))
            for request, (ids, covered, cut) in zip(unique, read, strict=True)
        }
        return [answers[request] for request in requests]

    def _read(self, request: Embed) -> tuple[list[int], float | None, bool]:
        """The ids of a text with its prompt, how much of it the vocabulary knows, and whether it is cut."""
        tokenizer, limit = self._engine.tokenizer, self._limit(request.max_length)
        beginning = self._quoting.beginning(request.text, limit)
        text = self._prompt(request) + self._quoting.quoted(beginning)
        limits: dict[str, Any] = {"truncation": True, "max_length": limit}
        if not tokenizer.is_fast:
            whole = tokenizer(text, verbose=False)["input_ids"]
            return list(tokenizer(text, **limits)["input_ids"]), None, len(whole) > limit
        encoded = tokenizer(text, return_offsets_mapping=True, **limits)
        ids: list[int] = list(encoded["input_ids"])
        known = [identity != tokenizer.unk_token_id for identity in ids]
        cut = beginning != request.text or bool(encoded.encodings and encoded.encodings[0].overflowing)
        return ids, coverage(text, encoded["offset_mapping"], known), cut

    def _limit(self, max_length: int | None) -> int:
        check_max_length(max_length, self._most, self._engine.model)
        return max_length or self._own

    def _prompt(self, request: Embed) -> str:
        """The prompt asked for, or the model's own for the role."""
        if request.prompt is not None:
            return request.prompt
        names = ("query",) if request.role == "query" else ("document", "passage", "corpus")
        return next((prompt for name in names if (prompt := self._prompts.get(name))), "")


class _Files(SentenceFiles):
    """What sentence-transformers keeps beside a model, or would make of a model without it."""

    def __init__(self, model: str, options: VllmOptions) -> None:
        self._source = Source(model, options.hub(), adapters=options.adapters)
        super().__init__(model, self._source.file, reader="the vllm backend", poolings=_POOLINGS)

    def pooling(self) -> tuple[str, bool]:
        """The pooling, and whether the embedding is normalised."""
        return super().pooling() or (self._bare(), False)

    def max_seq_length(self) -> int | None:
        """The model's own limit."""
        own = self.limits()
        if own.get("do_lower_case"):
            raise self.refused("reads texts in lower case")
        return own.get("max_seq_length")

    def _bare(self) -> str:
        """How sentence-transformers pools a model that says nothing about it."""
        if self._source.tokenizer().chat_template:
            raise self.refused("has no modules.json, and is read through its chat template")
        config = self._source.config()
        writes = any(name.endswith("ForCausalLM") for name in (config.architectures or [])[:1])
        return "lasttoken" if writes and getattr(config, "is_causal", True) else "mean"
