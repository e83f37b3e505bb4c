"""RankGPT's conversation, in which passages are handed over turn by turn; several methods vary its words.

Sun et al., Is ChatGPT Good at Search? (2023); sunnweiwei/RankGPT (Apache-2.0,
https://github.com/sunnweiwei/RankGPT).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..prompt import Chat, Message, Slot, fill

SYSTEM = "You are RankGPT, an intelligent assistant that can rank passages based on their relevancy to the query."
OPENING = (
    "I will provide you with {num} passages, each indicated by number identifier []. \n"
    "Rank the passages based on their relevance to query: {query}."
)
PLEASE = "Okay, please provide the passages."
RECEIVED = "Received passage [{i}]."
CLOSING = (
    "Search Query: {query}. \nRank the {num} passages above based on their relevance to the search query. "
    "The passages should be listed in descending order using identifiers. The most relevant passages should be listed "
    "first. The output format should be [] > [], e.g., [1] > [2]. Only response the ranking results, do not say any "
    "word or explain."
)


def turn_by_turn(
    query: Slot,
    passages: Sequence[Slot],
    *,
    system: str = SYSTEM,
    opening: str = OPENING,
    closing: str = CLOSING,
    receipts: bool = True,
    thinking: bool | None = None,
) -> Chat:
    """The conversation about numbered passages, from 1.

    Args:
        query: Stands for ``{query}`` in the opening and the closing.
        passages: One turn of the user each.
        system: How the model is introduced to itself.
        opening: First turn of the user; ``{num}`` is the number of passages.
        closing: Last turn of the user.
        receipts: Whether the assistant confirms each passage.
        thinking: The chat template's switch.
    """
    known: dict[str, str | Slot] = {"num": str(len(passages)), "query": query}
    messages = [
        Message("system", system),
        Message("user", fill(opening, known)),
        Message("assistant", PLEASE),
    ]
    for number, passage in enumerate(passages, start=1):
        messages.append(Message("user", (f"[{number}] ", passage)))
        if receipts:
            messages.append(Message("assistant", RECEIVED.format(i=number)))
    return Chat((*messages, Message("user", fill(closing, known))), thinking=thinking)
