"""The trace of a ranking: every stage with what went in and out, in places of the list that was handed in; no texts."""

import asyncio
import json
import pickle

import pytest

from swaprank import InputError, Passage, Reranker
from swaprank.errors import BackendError
from swaprank.testing import ScriptedBackend
from swaprank.types import Ranking, ScoreKind

TEXTS = ["coffee", "green tea", "milk", "tea leaves are green", "milk tea"]
CASCADE = {"stages": [{"reranker": "bm25", "top_n": 3}, {"fusion": "rrf", "of": ["bm25", "lexical"], "top_n": 2}]}


def traced(config, texts=TEXTS, **options):
    return Reranker(config, **options).rerank("green tea", texts).trace()


def test_a_cascade_tells_its_stages_and_a_fusion_its_inputs() -> None:
    whole = traced(CASCADE)
    first, second = whole.parts
    assert (whole.given, first.stage, first.given) == ((0, 1, 2, 3, 4), "bm25", (0, 1, 2, 3, 4))
    assert first.kept == second.given == (1, 3, 4)
    assert second.kept == whole.kept == (1, 3)
    assert [part.stage for part in second.parts] == ["bm25", "lexical"]
    assert {part.given for part in second.parts} == {(1, 3, 4)}
    assert [len(one.calls) for one in (whole, first, second)] == [3, 1, 2]
    assert whole.seconds >= first.seconds > 0
    assert len(whole.scores) == 2


def test_as_text_it_is_a_tree_and_shows_texts_only_when_asked() -> None:
    ranking = Reranker(CASCADE).rerank("green tea", TEXTS)
    shown = str(ranking.trace())
    assert shown.splitlines()[0].startswith("cascade: 5 in, 2 out, ")
    assert any(line.startswith("    lexical: 3 in, 3 out, ") for line in shown.splitlines())
    assert "candidate 3 (was 4)" in shown
    assert "tea" not in shown
    assert any("tea leaves" in line for line in ranking.trace().lines(TEXTS))


def test_as_data_it_is_json() -> None:
    told = json.loads(json.dumps(traced(CASCADE).to_dict()))
    assert told["parts"][1]["parts"][0]["kept"] == [1, 3, 4]
    assert "tea" not in json.dumps(told)
    assert traced(CASCADE).to_dict(TEXTS)["texts"] == ["green tea", "tea leaves are green"]


def test_in_a_notebook_it_is_a_table_that_runs_nothing() -> None:
    answer = BackendError("<script>alert(1)</script>")
    reranker = Reranker(
        {"method": "cross-encoder", "model": "m", "on_error": "keep_order"}, backend=ScriptedBackend(lambda _: answer)
    )
    table = reranker.rerank("a", ["b"]).trace()._repr_html_()
    assert table.count("<tr>") == 2
    assert "<script>" not in table
    assert "&lt;script&gt;" in table


def test_a_fallback_and_what_failed_stand_where_they_happened() -> None:
    whole = traced(
        {"method": "cross-encoder", "model": "m", "on_error": {"fallback": "bm25"}},
        backend=ScriptedBackend(lambda _: BackendError("gone")),
    )
    assert [part.stage for part in whole.parts] == ["bm25"]
    assert whole.notes() == ["fallback: cross-encoder: gone"]
    assert whole.kept[0] == 1


def test_copies_that_a_fusion_leaves_out_keep_the_places_of_the_others() -> None:
    passages = [Passage("milk", id="a"), Passage("milk", id="a"), Passage("green tea", id="b")]
    whole = traced({"fusion": "rrf", "of": ["bm25", "lexical"], "deduplicate": True}, passages)
    assert [part.given for part in whole.parts] == [(0, 2), (0, 2)]


def test_sync_async_and_many_agree_and_it_survives_a_pickle() -> None:
    reranker = Reranker(CASCADE)
    one = reranker.rerank("green tea", TEXTS)
    other = asyncio.run(reranker.arerank("green tea", TEXTS))
    many = reranker.rerank_many(["green tea"], [TEXTS])[0]
    assert one.trace().parts[1].kept == other.trace().parts[1].kept == many.trace().parts[1].kept
    assert pickle.loads(pickle.dumps(one)).trace() == one.trace()


def test_nothing_in_nothing_out_and_a_ranking_made_by_hand() -> None:
    assert traced("bm25", []).kept == ()
    with pytest.raises(InputError, match="has no trace"):
        Ranking("q", [], [], ScoreKind.RANK).trace()
