"""A question of two hops in MuSiQue's format, its passages, and an LLM to split it."""

import re
import sys

from swaprank.requests import Capability, Generated
from swaprank.testing import ScriptedBackend

QUESTION = {
    "question": "Who designed the lighthouse of the town where the whaler Aurora was built?",
    "decomposition": [
        {"question": "In which town was the whaler Aurora built?", "answer": "Nordvik"},
        {"question": "Who designed the lighthouse of #1?", "answer": "Ida Holm"},
    ],
}
PASSAGES = [
    "The lighthouse of Port Ellis was designed by a man who built whalers in that town.",
    "A retired whaler built the lighthouse of Sundby, and designed much of the town.",
    "The town hall of Sundby was designed by the owner of a whaler.",
    "The whaler Aurora left the yards of Nordvik in 1871.",
    "The lighthouse of Nordvik was designed by Ida Holm.",
    "The samovar came to Russia in the 18th century.",
]


def llm() -> dict:
    """The LLM as options: a model named on the command line, or else the decomposition that comes with the question."""
    if len(sys.argv) > 1:
        model, *gguf_file = sys.argv[1:]
        return {
            "model": model,
            "backend": {"type": "transformers", **({"gguf_file": gguf_file[0]} if gguf_file else {})},
        }
    hops = QUESTION["decomposition"]
    parts = [re.sub(r"#(\d+)", lambda hop: hops[int(hop[1]) - 1]["answer"], one["question"]) for one in hops]
    scripted = ScriptedBackend(lambda request: Generated("\n".join(parts)), capabilities={Capability.TEXT})
    return {"backend": scripted}
