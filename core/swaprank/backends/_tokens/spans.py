"""Which tokens of a prompt belong to which part of its text, tokenised once as a whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...prompt import Chat, Message, Slot, Text, plain, spoken
from ...requests import Attend
from .tokens import Tokens


@dataclass(frozen=True, slots=True)
class Spanned:
    """A context and its endings in token ids.

    Attributes:
        context: The tokens before the endings.
        endings: The tokens of each ending.
        parts: From which to which token of the context each part reaches.
        cut: How many slots were cut to make it fit.
    """

    context: list[int]
    endings: list[list[int]]
    parts: list[tuple[int, int]]
    cut: int


def spanned(tokens: Tokens, request: Attend, limit: int | None) -> Spanned:
    """Tokenise a context with each of its endings.

    Where an ending would change the last tokens of the context, the context stays as the first ending makes it.

    Raises:
        PromptTooLongError: It does not fit, however far what shrinks is cut.
        ConfigError: The tokenizer does not say which characters a token stands for.
    """
    context, cut = _fitted(tokens, request, limit)
    before, after = tokens.around() if request.chat else ("", "")
    texts = [before, *(plain(part) for part in context)]
    ends = [sum(map(len, texts[:count])) for count in range(1, len(texts) + 1)]
    shared: list[int] = []
    borders: list[int] = []
    endings = []
    for ending in request.endings:
        text = (before, *(piece for part in (*context, ending) for piece in _pieces(part)), after)
        ids, offsets = tokens.located(text, special=not request.chat)
        owners = list(_owners(offsets, plain(text), ends))
        first = bisect_left(owners, len(ends))
        endings.append(ids[first:])
        if not borders:
            shared = ids[:first]
            borders = [bisect_left(owners, part) for part in range(1, len(ends) + 1)]
    return Spanned(shared, endings, list(pairwise(borders)), cut)


def _fitted(tokens: Tokens, request: Attend, limit: int | None) -> tuple[list[Text], int]:
    """The parts of the context with their slots cut so that the longest ending fits after them."""
    longest = max(request.endings, key=lambda ending: len(tokens.continuation(ending)))
    content = tuple(piece for part in (*request.context, longest) for piece in _pieces(part))
    prompt: Text | Chat = Chat((Message("user", content),)) if request.chat else content
    shown, encoded = tokens.fitted(prompt, limit)
    pieces = iter(_pieces(shown.messages[0].content if isinstance(shown, Chat) else shown))
    return [tuple(next(pieces) for _ in _pieces(part)) for part in request.context], encoded.cut


def _pieces(text: Text) -> tuple[str | Slot, ...]:
    if isinstance(text, str):
        return (text,)
    return tuple(part if isinstance(part, Slot) else spoken(part) for part in text)


def _owners(offsets: Sequence[tuple[int, int]], text: str, ends: Sequence[int]) -> Iterator[int]:
    """The part each token belongs to, by its first visible character; never an earlier one than the token before."""
    part = 0
    for start, end in offsets:
        reached = text[start:end]
        place = start + len(reached) - len(reached.lstrip()) if reached.strip() else start
        while part < len(ends) and place >= ends[part]:
            part += 1
        yield part
