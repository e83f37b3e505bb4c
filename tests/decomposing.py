"""A two-hop question, its passages and a scripted LLM, for the tests of both adapters."""

from swaprank.errors import BackendError
from swaprank.requests import Capability, Generated
from swaprank.testing import ScriptedBackend

QUESTION = "Who directed the film that won in 1998?"
PARTS = ["Which film won in 1998?", "Who directed Titanic?"]
GIVEN = {
    "distractor": "A film about who directed what, and that won nothing.",
    "harbour": "The harbour dates from 1998.",
}
STORE = {
    "distractor": GIVEN["distractor"],
    "hop1": "In 1998 the film Titanic won.",
    "hop2": "James Cameron directed Titanic.",
    "other": "Something else entirely.",
}
# What the retriever of the tests finds, by question.
FOUND = {QUESTION: ["distractor", "hop1"], PARTS[0]: ["hop1", "distractor"], PARTS[1]: ["hop2", "hop1", "other"]}
CONFIG = {"rerank": "bm25", "k": 2, "coverage": 3}


SPLIT = "\n".join(PARTS)


def llm(text=SPLIT) -> ScriptedBackend:
    return ScriptedBackend(lambda request: Generated(text), capabilities={Capability.TEXT})


def broken_llm() -> ScriptedBackend:
    def fail(request):
        raise BackendError("the LLM is down")

    return ScriptedBackend(fail, capabilities={Capability.TEXT})
