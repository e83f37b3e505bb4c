"""RankVicuna: RankZephyr's predecessor, asked in Vicuna's words.

Pradeep et al., RankVicuna: Zero-Shot Listwise Document Reranking with Open Source Large Language Models (2023). Prompt
of castorini/rank_llm (Apache-2.0, https://github.com/castorini/rank_llm) in the conversation format of Vicuna v1.1
(lm-sys/FastChat, Apache-2.0), in two versions. Which of them the weights were tuned on was not published; the release
is the one that they came out with.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ._rank_llm_prompt import COPY_OF_2024, PREFIX, SUFFIX, RankLLM, Version

# FastChat's conversation template vicuna_v1.1, Apache-2.0.
_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
# FastChat ends a turn of the user with a blank, and 774c2da puts another one before the assistant.
_RELEASE = Version(_SYSTEM, PREFIX, SUFFIX.replace("[2] > [1]", "[4] > [2]"), assistant="  ASSISTANT:")
_VERSIONS = {"release": _RELEASE, "january-2024": COPY_OF_2024}


class RankVicuna(RankLLM):
    """rank_llm's listwise prompt in Vicuna's conversation format.

    Attributes:
        protocol: ``"release"`` for the code that came with the weights (774c2da, September 2023): Vicuna's own system
            message and the example ``[4] > [2]``. ``"january-2024"`` for the code of that month (c5a94df), as it was
            run: with rank_llm's system message and ``--variable_passages``.
    """

    name: ClassVar[str] = "rankvicuna"
    source: ClassVar[str] = "castorini/rank_llm (Apache-2.0), https://github.com/castorini/rank_llm"

    protocol: Literal["release", "january-2024"] = "release"
    conversation: Literal["chat", "vicuna"] = "vicuna"

    @property
    def version(self) -> Version:
        """That of the protocol."""
        return _VERSIONS[self.protocol]


METHOD = RankVicuna
