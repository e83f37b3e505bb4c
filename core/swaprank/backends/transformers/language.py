"""Language models through transformers: text, label and sequence log-probabilities, attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ...errors import ConfigError, SwaprankError
from ...requests import (
    Attend,
    Attended,
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
    Usage,
)
from .._tokens.language import Answering, LanguageRunner
from .._tokens.spans import spanned
from .._tokens.tokens import Tokens
from .attention import received
from .causal import CausalNetwork
from .decoding import Rows, generate
from .seq2seq import MOST_TOKENS, Seq2SeqNetwork

if TYPE_CHECKING:
    import torch


class Scored(Protocol):
    """A batch that has been read: its next-token logits, and what was forced."""

    @property
    def logits(self) -> torch.Tensor:
        """[rows, vocabulary]."""

    @property
    def forced_logprobs(self) -> list[tuple[float, ...]]:
        """Of each forced token of each row."""


class Network(Protocol):
    """What reads prompts: `CausalNetwork` or `Seq2SeqNetwork`."""

    def read(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        room: Sequence[int],
        batch_tokens: int,
        use: Callable[[list[int], Rows], None],
    ) -> None:
        """Read prompts in batches and hand each to ``use``, to be continued."""

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        batch_tokens: int,
        use: Callable[[list[int], Scored], None],
    ) -> None:
        """Read prompts in batches and hand each to ``use``, which only looks."""


class LanguageModel(LanguageRunner):
    """A language model whose forward passes are torch's.

    Args:
        network: What computes logits.
        tokens: The model's tokenizer.
        model: The model's name in messages.
        context: Most tokens the network has positions for; None for as many as memory allows.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(self, network: Network, tokens: Tokens, model: str, *, context: int | None, batch_tokens: int) -> None:
        if context is None and isinstance(network, Seq2SeqNetwork):
            context = MOST_TOKENS
        super().__init__(tokens, model, context=context)
        self._network = network
        self._batch_tokens = batch_tokens

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal ones once, unless they are sampled."""
        import torch

        with torch.inference_mode():
            return super().run(requests)

    def _kinds(self) -> Mapping[type[Request], Answering]:
        return {**super()._kinds(), Attend: self._attended}

    def _generated(self, requests: Sequence[Generate]) -> list[Generated]:
        # Rows of a batch must begin their answers with equally many tokens.
        done: dict[int, Generated] = {}
        for start in dict.fromkeys(request.start for request in requests):
            places = [place for place, request in enumerate(requests) if request.start == start]
            done.update(zip(places, self._generated_from(start, [requests[place] for place in places]), strict=True))
        return [done[place] for place in range(len(requests))]

    def _generated_from(self, start: str, requests: Sequence[Generate]) -> list[Generated]:
        forced = self.tokens.continuation(start) if start else []
        prompts = [self._rendering.continued(request) for request in requests]
        most = [self._rendering.room(request, prompt) for request, prompt in zip(requests, prompts, strict=True)]
        done: dict[int, Generated] = {}

        def use(places: list[int], session: Rows) -> None:
            texts = generate(
                session,
                [requests[place] for place in places],
                [prompts[place] for place in places],
                [most[place] for place in places],
                self.tokens,
            )
            done.update(zip(places, texts, strict=True))

        # Most answers end long before their limit; when memory runs out, the batch is halved.
        room = [max(1, request.max_tokens // 4) for request in requests]
        ids = [prompt.ids for prompt in prompts]
        self._network.read(ids, [forced] * len(prompts), room, self._batch_tokens, use)
        return [done[place] for place in range(len(requests))]

    def _labelled(self, requests: Sequence[LabelLogprobs]) -> list[LabelScores]:
        prompts = [self._rendering.fitted(request) for request in requests]
        labels = [self._rendering.labels(request) for request in requests]
        # Prompts that are equal once cut are read once, so that they cannot differ by rounding.
        distinct = list(dict.fromkeys(tuple(prompt.ids) for prompt in prompts))
        wanted: dict[tuple[int, ...], list[int]] = {ids: [] for ids in distinct}
        for prompt, own in zip(prompts, labels, strict=True):
            wanted[tuple(prompt.ids)] += [token for spelled in own for token in spelled]
        found: dict[tuple[tuple[int, ...], int], tuple[float, float]] = {}

        def use(places: list[int], session: Scored) -> None:
            normalizers = session.logits.logsumexp(-1)
            for row, place in enumerate(places):
                ids = wanted[distinct[place]]
                logits: torch.Tensor = session.logits[row, ids]
                pairs = zip(logits.tolist(), (logits - normalizers[row]).tolist(), strict=True)
                found.update({(distinct[place], token): pair for token, pair in zip(ids, pairs, strict=True)})

        self._network.score(distinct, [()] * len(distinct), self._batch_tokens, use)
        responses = []
        for prompt, own in zip(prompts, labels, strict=True):
            pairs = [max(found[tuple(prompt.ids), token] for token in spelled) for spelled in own]
            responses.append(
                LabelScores(
                    logprobs=tuple(logprob for _, logprob in pairs),
                    logits=tuple(logit for logit, _ in pairs),
                    usage=Usage(len(prompt.ids), 0, prompt.cut),
                )
            )
        return responses

    def _sequenced(self, requests: Sequence[SequenceLogprob]) -> list[SequenceScore]:
        forced = [self.tokens.continuation(request.continuation) for request in requests]
        prompts = [self._rendering.fitted(request, len(after)) for request, after in zip(requests, forced, strict=True)]
        done: dict[int, tuple[float, ...]] = {}

        def use(places: list[int], session: Scored) -> None:
            done.update(zip(places, session.forced_logprobs, strict=True))

        self._network.score([prompt.ids for prompt in prompts], forced, self._batch_tokens, use)
        return [
            SequenceScore(done[place], Usage(len(prompt.ids) + len(forced[place]), 0, prompt.cut))
            for place, prompt in enumerate(prompts)
        ]

    def _attended(self, requests: Sequence[Attend]) -> list[Attended]:
        if not isinstance(self._network, CausalNetwork):
            raise ConfigError(
                f"{self._model!r} is an encoder-decoder: its prompt receives no attention from what follows it.",
                hint="Take a decoder, such as Llama, Mistral or Qwen.",
            )
        responses = []
        for request in requests:
            found = spanned(self.tokens, request, self._rendering.limit(request.max_length))
            rows = received(self._network, self._model, found.context, found.endings)
            read = len(found.context) + sum(map(len, found.endings))
            responses.append(
                Attended(
                    tuple(tuple(row[start:end] for start, end in found.parts) for row in rows),
                    Usage(read, 0, found.cut),
                )
            )
        return responses
