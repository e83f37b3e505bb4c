"""Attention over packed texts: one product of matrices per segment, none over padding of other texts.

In float32 it is torch's fused attention. In 16 bits that kernel is slow on CPUs for the small heads and short texts of
encoders: two batched products and one exponential take less than half the time. The maximum of a row, which softmax
usually subtracts first, matters only where an exponential could leave the range of numbers; that is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .packing import Segment

if TYPE_CHECKING:
    import torch

# Powers of two that no sum of a row and no product with it leaves the range of bfloat16 by.
_SAFE = 60.0
# Scores that are computed at a time: 32 MiB in 16 bits.
_SCORES = 1 << 24
# Queries at a time where each attends only to its neighbours.
_ROWS = 128


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Sequence[Segment],
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """Each token's mixture of the values of its text.

    Args:
        query: [tokens, heads, size].
        key: The same.
        value: The same.
        segments: How the texts lie.
        scale: What products of queries and keys are multiplied with.
        window: How far a token sees to each side; None for the whole text.

    Returns:
        [tokens, heads * size].
    """
    import torch

    tokens, heads, size = query.shape
    mixed = query.new_zeros(tokens, heads, size)  # also where no text stands
    sides = (query, key, summing(value) if query.dtype is torch.bfloat16 else value, mixed)
    for segment in segments:
        shape = (segment.count, segment.width, heads, -1)
        own = [side[segment.start : segment.stop].view(shape).transpose(1, 2) for side in sides]
        rows = max(1, _SCORES // (segment.count * heads * segment.width))
        if window is not None and window < segment.width:
            rows = min(rows, _ROWS)
        for start in range(0, segment.width, rows):
            stop = min(start + rows, segment.width)
            low, high = _seen(start, stop, segment.width, window)
            keep = _kept(segment, start, stop, low, high, window)
            asked, into = (side[:, :, start:stop] for side in (own[0], own[3]))
            _mix(asked, own[1][:, :, low:high], own[2][:, :, low:high], scale, keep, into)
    return mixed.view(tokens, heads * size)


def attend_first(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Sequence[Segment],
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """As `attend`, for the first token of each text: queries [texts, heads, size] to [texts, heads * size]."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    texts, heads, size = query.shape
    mixed, place = [], 0
    for segment in segments:
        shape = (segment.count, segment.width, heads, size)
        _, high = _seen(0, 1, segment.width, window)
        keys, values = (
            side[segment.start : segment.stop].view(shape).transpose(1, 2)[:, :, :high] for side in (key, value)
        )
        own = query[place : place + segment.count, :, None]
        keep = None if segment.keep is None else segment.keep[:, None, None, :high]
        mixed.append(scaled_dot_product_attention(own, keys, values, attn_mask=keep, scale=scale)[:, :, 0])
        place += segment.count
    return torch.cat(mixed).reshape(texts, heads * size)


def _seen(start: int, stop: int, width: int, window: int | None) -> tuple[int, int]:
    """From which to which key the queries of a block see."""
    return (0, width) if window is None else (max(0, start - window), min(width, stop + window))


def _kept(segment: Segment, start: int, stop: int, low: int, high: int, window: int | None) -> torch.Tensor | None:
    """Which keys each query sees, broadcast to [count, heads, queries, keys]; None for all."""
    import torch

    keep = None if segment.keep is None else segment.keep[:, None, None, low:high]
    if window is None or (high - low <= window + 1 and stop - start <= window + 1):
        return keep
    near = (torch.arange(start, stop)[:, None] - torch.arange(low, high)).abs() <= window
    return near[None, None] if keep is None else keep & near


def _mix(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    keep: torch.Tensor | None,
    into: torch.Tensor,
) -> None:
    """Attention of queries [count, heads, queries, size] to [count, heads, keys, size]."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    if query.dtype is not torch.bfloat16:
        into.copy_(scaled_dot_product_attention(query, key, value, attn_mask=keep, scale=scale))
        return
    count, heads, queries, size = query.shape
    query, key = (side.reshape(count * heads, -1, size) for side in (query, key))
    scores = query.new_empty(count * heads, queries, key.shape[1])
    # exp(x) = 2 ** (x / ln 2), whose kernel is the faster one; the factor costs nothing here.
    scores.baddbmm_(query, key.transpose(1, 2), beta=0, alpha=scale / math.log(2))
    weigh(scores.view(count, heads, queries, -1), value, keep, into)


def summing(value: torch.Tensor) -> torch.Tensor:
    """Values [..., size] with a last column of ones: a product that mixes them sums the weights as well."""
    from torch.nn.functional import pad

    return pad(value, (0, 1), value=1.0)


def weigh(scores: torch.Tensor, value: torch.Tensor, keep: torch.Tensor | None, into: torch.Tensor) -> None:
    """Mixtures of values [count, heads, keys, size + 1] by scores [count, heads, queries, keys], which are used up.

    Args:
        scores: Logarithms to base 2 of the weights, before their sum is made 1.
        value: What is mixed, from `summing`.
        keep: Which keys count, broadcast to the scores; None for all.
        into: What is written to, [count, heads, queries, size].
    """
    import torch

    count, heads, queries, keys = scores.shape
    lowest, highest = scores.aminmax()
    if not (float(lowest) > -_SAFE and float(highest) < _SAFE):
        if keep is not None:
            scores.masked_fill_(~keep, -math.inf)
        scores.sub_(scores.amax(-1, keepdim=True).clamp_min_(torch.finfo(scores.dtype).min))
    scores.exp2_()
    if keep is not None:
        scores.mul_(keep)
    mixed = torch.bmm(scores.view(count * heads, queries, keys), value.reshape(count * heads, keys, -1)).view(
        count, heads, queries, -1
    )
    # Where nothing is kept, as before tokens that only see padding, the mixture is zero.
    torch.div(mixed[..., :-1], mixed[..., -1:].clamp_min_(2 ** -(2 * _SAFE)), out=into)
