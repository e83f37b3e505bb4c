"""Encoder-decoder networks (T5): the encoder reads the prompt, the decoder answers from its start token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .._common.token_batches import in_batches
from .padding import padded

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


# Twenty times the length in training: relative positions have no end, but attention takes memory by the square of it.
MOST_TOKENS = 10_240


class Seq2SeqNetwork:
    """A network whose encoder reads whole prompts.

    Args:
        network: The transformers model.
    """

    def __init__(self, network: PreTrainedModel) -> None:
        self.network = network
        self.start = int(network.config.decoder_start_token_id)

    def read(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        room: Sequence[int],
        batch_tokens: int,
        use: Callable[[list[int], Session], None],
    ) -> None:
        """Read the prompts in batches; as `CausalNetwork.read`."""

        def forward(places: list[int]) -> None:
            use(places, Session(self, [prompts[place] for place in places], [forced[place] for place in places]))

        lengths = [len(prompt) + len(after) + more for prompt, after, more in zip(prompts, forced, room, strict=True)]
        in_batches(lengths, batch_tokens, forward, [len(after) + 1 for after in forced])

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        forced: Sequence[Sequence[int]],
        batch_tokens: int,
        use: Callable[[list[int], Session], None],
    ) -> None:
        """Read prompts that are not continued."""
        self.read(prompts, forced, [0] * len(prompts), batch_tokens, use)


class Decoder:
    """A batch of encoded texts from which the decoder writes; attributes as in `causal.Session`.

    Args:
        network: The transformers model.
        start: The token that each answer starts from.
        states: What the encoder made of the texts [rows, tokens, dimensions].
        mask: 1 where a token is, 0 where a row is padded [rows, tokens].
        forced: The tokens that each answer begins with.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        start: int,
        states: torch.Tensor,
        mask: torch.Tensor,
        forced: Sequence[Sequence[int]],
    ) -> None:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        self._network: Any = network
        self._encoded: Any = BaseModelOutput(last_hidden_state=states)
        self._mask = mask
        self._cache: Any = None
        device = states.device
        # The last forced token is only judged, never read.
        read = [[start, *after] for after in forced]
        width = max(map(len, read))
        starts = torch.tensor([[*row, *[0] * (width - len(row))] for row in read], device=device)
        logits = self._decoded(starts)
        ends = torch.tensor([len(after) for after in forced], device=device)
        self.logits = logits[torch.arange(len(read), device=device), ends]
        logprobs = logits.log_softmax(-1) if width > 1 else logits
        self.forced_logprobs = [
            tuple(float(logprobs[row, step, token]) for step, token in enumerate(after))
            for row, after in enumerate(forced)
        ]

    def advance(self, tokens: torch.Tensor, kept: torch.Tensor) -> None:
        """Go on with the rows ``kept`` [rows] by one token each, ``tokens`` [rows]."""
        if len(kept) < len(self._mask):
            self._mask = self._mask[kept]
            self._encoded.last_hidden_state = self._encoded.last_hidden_state[kept]
            self._cache.batch_select_indices(kept)
        self.logits = self._decoded(tokens[:, None])[:, -1]

    def _decoded(self, ids: torch.Tensor) -> torch.Tensor:
        output = self._network(
            encoder_outputs=self._encoded,
            attention_mask=self._mask,
            decoder_input_ids=ids,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = output.past_key_values
        logits: torch.Tensor = output.logits.float()
        return logits


class Session(Decoder):
    """One batch of encoded prompts; attributes as in `causal.Session`."""

    def __init__(
        self, seq2seq: Seq2SeqNetwork, prompts: Sequence[Sequence[int]], forced: Sequence[Sequence[int]]
    ) -> None:
        import torch

        # Equal prompts (one per label, where labels are compared) are encoded once.
        device = seq2seq.network.device
        unique = {prompt: place for place, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
        ids, real = padded(unique, device)
        mask = real.long()
        rows = torch.tensor([unique[tuple(prompt)] for prompt in prompts], device=device)
        states = seq2seq.network.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        super().__init__(seq2seq.network, seq2seq.start, states[rows], mask[rows], forced)
