"""Language models in vLLM: text, label log-probabilities, sequence log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, require
from ...requests import Generate, Generated, LabelLogprobs, LabelScores, SequenceLogprob, SequenceScore, Usage
from .._tokens.answer import Answer
from .._tokens.language import LanguageRunner
from .._tokens.tokens import Encoded, Tokens

if TYPE_CHECKING:
    from .engine import Engine
    from .vision import VisionEngine

# Prompts, and the tokens looked at after each; log-probabilities and, where they are returned, logits of those.
Wanted = dict[tuple[int, ...], list[int]]
Read = dict[tuple[int, ...], tuple[dict[int, float], dict[int, float]]]

# vLLM reports so many tokens of choice per step.
_MOST_LABELS = 128


class VllmLanguageModel(LanguageRunner):
    """A language model whose forward passes are vLLM's.

    Args:
        engine: What reads and writes; it makes its own batches.
        tokens: The model's tokenizer.
        model: The model's name in messages.
        logits: Whether the engine tells logits in place of log-probabilities.
    """

    def __init__(self, engine: Engine | VisionEngine, tokens: Tokens, model: str, *, logits: bool = False) -> None:
        super().__init__(tokens, model, context=engine.context)
        self._engine = engine
        self._logits = logits
        self._params: Any = require("vllm", extra="vllm", purpose="backend: vllm").SamplingParams

    def _generated(self, requests: Sequence[Generate]) -> list[Generated]:
        self._check_mode()
        prompts = [self._rendering.continued(request) for request in requests]
        watched = [[self.tokens.label(word) for word in request.watch] for request in requests]
        params = [
            self._params(
                max_tokens=self._rendering.room(request, prompt),
                temperature=request.temperature,
                seed=request.seed,
                stop=list(request.stop),
                # The ends of the transformers backend, and no others.
                stop_token_ids=sorted(self.tokens.ends),
                ignore_eos=True,
                # Both give the log-probability of what was written, from the logits as they are.
                **({"logprob_token_ids": list(dict.fromkeys(labels))} if labels else {"logprobs": 0}),
                detokenize=bool(request.stop),
            )
            for request, prompt, labels in zip(requests, prompts, watched, strict=True)
        ]
        outputs = self._engine.generate([prompt.ids for prompt in prompts], params)
        return [
            self._written(request, labels, prompt, output.outputs[0])
            for request, labels, prompt, output in zip(requests, watched, prompts, outputs, strict=True)
        ]

    def _written(self, request: Generate, labels: list[int], prompt: Encoded, output: Any) -> Generated:
        ids, steps = list(output.token_ids), output.logprobs
        answer = Answer(
            request,
            ids=ids,
            logprobs=[step[token].logprob for step, token in zip(steps, ids, strict=True)],
            watched=tuple(steps[-1][token].logprob for token in labels),
            ending="length" if output.finish_reason == "length" else "stop",
        )
        if ids and ids[-1] in self.tokens.ends:
            answer.ending = "end"
            del ids[-1], answer.logprobs[-1]
        return answer.generated(prompt, self.tokens)

    def _labelled(self, requests: Sequence[LabelLogprobs]) -> list[LabelScores]:
        # vLLM reads nothing without writing a token after it.
        prompts = [self._rendering.fitted(request, 1) for request in requests]
        labels = [self._rendering.labels(request) for request in requests]
        wanted: dict[tuple[int, ...], list[int]] = {}
        for prompt, own in zip(prompts, labels, strict=True):
            wanted.setdefault(tuple(prompt.ids), []).extend(token for spelled in own for token in spelled)
        read = self._all_logits(wanted) if self._logits else self._logprobs(wanted)
        return [
            LabelScores(
                logprobs=tuple(max(read[tuple(prompt.ids)][0][token] for token in spelled) for spelled in own),
                logits=tuple(max(read[tuple(prompt.ids)][1][token] for token in spelled) for spelled in own)
                if self._logits
                else (),
                usage=Usage(len(prompt.ids), 0, prompt.cut),
            )
            for prompt, own in zip(prompts, labels, strict=True)
        ]

    def _logprobs(self, wanted: Wanted) -> Read:
        """The log-probabilities of the tokens after each prompt."""
        asked = [(ids, few) for ids, own in wanted.items() for few in _slices(list(dict.fromkeys(own)))]
        params = [
            self._params(max_tokens=1, temperature=0.0, logprob_token_ids=few, detokenize=False) for _, few in asked
        ]
        read: Read = {ids: ({}, {}) for ids in wanted}
        for (ids, few), output in zip(asked, self._engine.generate([ids for ids, _ in asked], params), strict=True):
            step = output.outputs[0].logprobs[0]
            read[ids][0].update({token: step[token].logprob for token in few})
        return read

    def _all_logits(self, wanted: Wanted) -> Read:
        """The log-probabilities and the logits of the tokens after each prompt, from the logits of all."""
        params = self._params(max_tokens=1, temperature=0.0, logprobs=-1, flat_logprobs=True, detokenize=False)
        read: Read = {}
        for ids, output in zip(wanted, self._engine.generate(list(wanted), [params] * len(wanted)), strict=True):
            step = output.outputs[0].logprobs
            logits = dict(zip(step.token_ids, step.logprobs, strict=True))
            normalizer = float(np.logaddexp.reduce(np.fromiter(logits.values(), dtype=np.float64)))
            read[ids] = ({token: logits[token] - normalizer for token in wanted[ids]}, logits)
        return read

    def _sequenced(self, requests: Sequence[SequenceLogprob]) -> list[SequenceScore]:
        self._check_mode()
        forced = [self.tokens.continuation(request.continuation) for request in requests]
        prompts = [
            self._rendering.fitted(request, len(after) + 1) for request, after in zip(requests, forced, strict=True)
        ]
        sequences = [[*prompt.ids, *after] for prompt, after in zip(prompts, forced, strict=True)]
        params = self._params(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        outputs = self._engine.generate(sequences, [params] * len(sequences))
        responses = []
        for prompt, after, output in zip(prompts, forced, outputs, strict=True):
            steps = output.prompt_logprobs[len(prompt.ids) :]
            logprobs = tuple(step[token].logprob for step, token in zip(steps, after, strict=True))
            responses.append(SequenceScore(logprobs, Usage(len(prompt.ids) + len(after), 0, prompt.cut)))
        return responses

    def _check_mode(self) -> None:
        if self._logits:
            raise ConfigError(
                "With backend: {type: vllm, logits: true} the engine answers questions of labels only.",
                hint="Leave logits out: only bge-llm-reranker, zerank and contextual-rerank-v2 read them.",
            )


def _slices(ids: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(ids), _MOST_LABELS):
        yield ids[first : first + _MOST_LABELS]
