"""Parity of the static embeddings with wordllama, and the window and idf options."""

import subprocess
import sys

import numpy as np
import pytest

from swaprank import Reranker
from swaprank.requests import EmbedTokens, TokenEmbeddings
from swaprank.testing import ScriptedBackend
from tests.conftest import golden, inputs

CASES = [case for case in golden("bi-encoder")["cases"] if case["variant"] == "wordllama"]
INPUTS = inputs()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"])
def test_wordllama(case) -> None:
    given = INPUTS[case["input"]]
    reranker = Reranker({"method": "static-embedding", "empty_passages": "score"})
    ranking = reranker.rerank(given["query"], [document["text"] for document in given["documents"]])
    assert ranking.scores == pytest.approx(case["scores"], abs=2e-5)
    assert ranking.order == case["order"]


def vectors(request) -> TokenEmbeddings:
    """One dimension per letter."""
    ids = [ord(letter) - ord("a") for letter in request.text]
    return TokenEmbeddings(ids=ids, table=np.eye(26), rows=ids)


def scores(query, passages, **options) -> list[float]:
    assert EmbedTokens.capability in ScriptedBackend(vectors).capabilities
    return (
        Reranker({"method": "static-embedding", **options}, backend=ScriptedBackend(vectors))
        .rerank(query, passages)
        .scores
    )


def test_a_window_is_the_mean_of_the_whole_and_its_best_part() -> None:
    [score] = scores("ab", ["ccccabcc"], window=4)
    whole = np.dot([1, 1, 0], [1, 1, 6]) / np.linalg.norm([1, 1, 0]) / np.linalg.norm([1, 1, 6])
    best = np.dot([1, 1, 0], [1, 1, 2]) / np.linalg.norm([1, 1, 0]) / np.linalg.norm([1, 1, 2])
    assert score == pytest.approx((whole + best) / 2)


def test_a_text_of_one_window_is_its_whole() -> None:
    assert scores("ab", ["abc"], window=4) == scores("ab", ["abc"], window=50)


def test_idf_weighs_what_the_candidates_share_less() -> None:
    passages = ["cx", "cy", "cz"]
    plain, weighted = (scores("cx", passages, weighting=how, window=50) for how in ("mean", "idf"))
    assert plain[0] - plain[1] < weighted[0] - weighted[1]


def test_a_token_weighs_what_the_number_of_its_holders_says() -> None:
    """In "aab" of three candidates a token counts once for the number of holders, and each time it stands there."""
    held = {"a": 2, "b": 1, "c": 2}
    weight = {letter: 1 + np.log1p((3 - count + 0.5) / (count + 0.5)) for letter, count in held.items()}
    # No candidate has "z": it weighs as much as what fewest have.
    query = np.array([weight["a"], 0, 0, weight["b"]])
    passage = np.array([2 * weight["a"], weight["b"], 0, 0])
    [score, *_] = scores("az", ["aab", "ac", "c"], weighting="idf")
    assert score == pytest.approx(query @ passage / np.linalg.norm(query) / np.linalg.norm(passage))


def test_empty_texts_score_zero() -> None:
    assert scores("ab", ["", "ab"], weighting="idf", window=4)[0] == 0.0


def test_logging_is_left_alone() -> None:
    """Importing wordllama calls logging.basicConfig; ours reads its files without importing it."""
    code = (
        "import logging, sys; from swaprank import Reranker; Reranker().rerank('tea', ['tea', 'x']);"
        "print(logging.getLogger().handlers, 'wordllama' in sys.modules, 'torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["[]", "False", "False"]
    assert out.stderr == ""
