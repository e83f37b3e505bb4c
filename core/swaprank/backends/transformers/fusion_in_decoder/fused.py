"""Fusion-in-Decoder with a decoder that writes (LiT5): passages are encoded alone, and it attends to all of them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ....requests import AttendFused, Generate, Generated, GenerateFused, Response
from ..._common.distinct import Distinct
from ..._common.token_batches import in_batches
from ..._tokens.tokens import Encoded, Tokens
from ..decoding import generate
from ..seq2seq import Decoder
from .passage_encodings import encoded_prompt, encodings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

RequestKind = TypeVar("RequestKind", bound=GenerateFused | AttendFused)
# The ids of a prompt, and whether it was cut.
Read = tuple[tuple[int, ...], bool]


class FusedModel(ABC, Generic[RequestKind]):
    """A loaded encoder-decoder behind a lock; requests are decoded together, as far as `batch_tokens` allows.

    Args:
        network: The network, such as T5ForConditionalGeneration.
        tokens: Its tokenizer.
        batch_tokens: Most tokens of a forward pass of the encoder, and of what the decoder attends to at once. A
            request that is longer is answered alone.
    """

    def __init__(self, network: PreTrainedModel, tokens: Tokens, *, batch_tokens: int) -> None:
        self._network: Any = network
        self._start = int(self._network.config.decoder_start_token_id)
        self._tokens = tokens
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[RequestKind]) -> list[Response]:
        """Answer all requests, in order; equal ones once."""
        import torch

        with self._lock, torch.inference_mode():
            distinct = Distinct(requests)
            read = [
                [encoded_prompt(self._tokens, prompt, request.max_length) for prompt in request.prompts]
                for request in distinct.requests
            ]
            done: dict[int, Response] = {}

            def forward(places: list[int]) -> None:
                asked = [distinct.requests[place] for place in places]
                done.update(zip(places, self._batch(asked, [read[place] for place in places]), strict=True))

            in_batches([sum(len(ids) for ids, _ in prompts) for prompts in read], self._batch_tokens, forward)
            return [*distinct.spread(done)]

    def _batch(self, requests: Sequence[RequestKind], read: Sequence[Sequence[Read]]) -> Sequence[Response]:
        """The answers of one batch."""
        import torch

        wanted = {ids: len(ids) for prompts in read for ids, _ in prompts}
        found = encodings(self._network, wanted, self._batch_tokens)
        rows = [torch.cat([found[ids] for ids, _ in prompts]) for prompts in read]
        states = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([[len(row)] for row in rows], device=states.device)
        mask = (torch.arange(states.shape[1], device=states.device)[None] < lengths).long()
        return self._answers(requests, read, states, mask)

    @abstractmethod
    def _answers(
        self,
        requests: Sequence[RequestKind],
        read: Sequence[Sequence[Read]],
        states: torch.Tensor,
        mask: torch.Tensor,
    ) -> Sequence[Response]:
        """The answers to requests whose prompts are encoded, one row each: [rows, tokens, dimensions]."""

    def _decoder(self, states: torch.Tensor, mask: torch.Tensor) -> Decoder:
        return Decoder(self._network, self._start, states, mask, [()] * len(states))


class FusedText(FusedModel[GenerateFused]):
    """Writes texts (`GenerateFused`)."""

    def _answers(
        self,
        requests: Sequence[GenerateFused],
        read: Sequence[Sequence[Read]],
        states: torch.Tensor,
        mask: torch.Tensor,
    ) -> list[Generated]:
        prompts = [
            Encoded(list(chain.from_iterable(ids for ids, _ in one)), sum(cut for _, cut in one)) for one in read
        ]
        most = [request.max_tokens for request in requests]
        return generate(
            self._decoder(states, mask), [Generate("", limit) for limit in most], prompts, most, self._tokens
        )
