"""The parts of a model's reply: reasoning, tagged answer. Plain searches, linear in the length of any text."""

from __future__ import annotations


def after_thinking(text: str) -> str:
    """What follows the last ``</think>``, else the whole text; without thinking that never ends."""
    return text.rpartition("</think>")[2].partition("<think>")[0]


def outside_thinking(text: str) -> str:
    """The text from the last ``</think>`` on; the whole text where nothing follows it."""
    after = text.rpartition("</think>")[2]
    return after if after.strip() else text


def thinking(text: str) -> str | None:
    """What was thought before the answer, without its tags; None where there is nothing."""
    before, closed, _ = text.rpartition("</think>")
    if not closed:
        _, opened, before = text.partition("<think>")
        if not opened:
            return None
    return before.strip().removeprefix("<think>").strip() or None


def tagged(text: str, tag: str) -> str | None:
    """What stands in the first pair of tags; None where there is no such pair."""
    start = text.find(f"<{tag}>")
    if start < 0:
        return None
    start += len(tag) + 2
    end = text.find(f"</{tag}>", start)
    return text[start:end] if end >= 0 else None


def thought_and_answered(text: str) -> str | None:
    r"""The answer of ``<think>...</think>\s*<answer>...</answer>``, as that pattern finds it; None where it does not.

    A regular expression would try every opening tag against every closing one.
    """
    start = text.find("<think>")
    end = -1 if start < 0 else text.find("</think>", start)
    while end >= 0:
        rest = end + len("</think>")
        while rest < len(text) and text[rest].isspace():
            rest += 1
        if text.startswith("<answer>", rest):
            close = text.find("</answer>", rest)
            return text[rest + len("<answer>") : close] if close >= 0 else None
        end = text.find("</think>", rest)
    return None
