"""Postings have the numbers of bm25s, and computing them takes no lock that other processes may hold."""

from threading import Event, Thread

import numpy as np
import pytest

from swaprank import BM25Index, Reranker
from swaprank.bm25.formula import VARIANTS
from swaprank.bm25.postings import index_terms
from swaprank.requests import Analysis


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_postings_of_bm25s(variant) -> None:
    import bm25s

    chance = np.random.default_rng(7)
    documents = [chance.integers(0, 30, size).tolist() for size in chance.integers(0, 40, 60)]
    documents.append(list(range(30)))
    ours = index_terms(Analysis(variant=variant, k1=1.1, b=0.4, delta=0.7), documents)
    theirs = bm25s.BM25(method=variant, k1=1.1, b=0.4, delta=0.7)
    theirs.index((documents, {str(term): term for term in range(30)}), show_progress=False)
    assert ours.columns.tolist() == theirs.scores["indptr"][:31].tolist()
    assert ours.rows.tolist() == theirs.scores["indices"].tolist()
    assert ours.scores == pytest.approx(theirs.scores["data"], abs=1e-6)
    for term in range(30):
        assert ours.document_frequency(term) == sum(term in document for document in documents)
        assert ours.all_scores({term: 2}) == pytest.approx(theirs.get_scores([term, term]), abs=1e-5)


def test_a_lock_of_tqdm_that_a_killed_process_left_blocks_nobody(tmp_path) -> None:
    """It is shared by forked processes, and bm25s takes it whenever it indexes."""
    tqdm = pytest.importorskip("tqdm")
    held, done = Event(), Event()

    def hold() -> None:
        with tqdm.tqdm.get_lock():
            held.set()
            done.wait(60)

    def use() -> None:
        BM25Index.build(["tea with milk", "coffee"], tmp_path).update(["lemon"])
        Reranker("bm25").rerank("tea", ["tea", "milk"])

    holder, user = Thread(target=hold), Thread(target=use, daemon=True)
    holder.start()
    held.wait()
    user.start()
    user.join(30)
    finished = not user.is_alive()
    done.set()
    holder.join()
    assert finished
