"""Choosing: what recipes say of themselves decides, and on judged data what is measured apart from the choice."""

import pytest
import yaml

from swaprank import Passage, Reranker
from swaprank.config.licences import allows_commercial_use
from swaprank.config.recipe import Recipe, all_recipes
from swaprank.errors import BackendError, InputError
from swaprank.evaluation.choosing.available import available_recipes
from swaprank.evaluation.choosing.cpu_latency import cpu_latency
from swaprank.evaluation.choosing.recommend import Need, parameters, recommend
from swaprank.evaluation.choosing.tuning import tune
from swaprank.runs.evaluation import Dataset


class TestRecommend:
    def test_every_condition_holds_of_every_suggestion(self) -> None:
        found = recommend(Need("ar", "cpu", budget_ms=3000, passages=20, commercial=True))
        assert found
        for one in found:
            assert {"ar", "multilingual"} & set(one.recipe.languages)
            assert allows_commercial_use(one.recipe.license)
            assert one.milliseconds is not None
            assert one.milliseconds <= 3000

    def test_the_arabic_reranker_comes_first_where_there_is_time(self) -> None:
        names = [one.name for one in recommend(Need("ar", "cpu", budget_ms=60_000, commercial=True))]
        assert names[:2] == ["ara-reranker-v1", "bge-reranker-v2-m3"]
        assert names[-1] == "embedded"

    def test_time_grows_with_the_candidates(self) -> None:
        few, many = (recommend(Need("en", passages=count, budget_ms=300)) for count in (10, 100))
        assert {one.name for one in many} < {one.name for one in few}

    def test_memory_and_the_processor_leave_large_models_out(self) -> None:
        assert all(parameters(one.recipe) <= 6e8 for one in recommend(Need()))
        small = recommend(Need(device="cuda", memory_gb=4))
        assert max(parameters(one.recipe) for one in small) * 2.4 <= 4e9
        assert "qwen3-reranker-0.6b" in [one.name for one in small]

    def test_what_was_measured_are_recipes(self) -> None:
        known = {*all_recipes(), "bm25", "lexical"}
        assert set(cpu_latency().milliseconds_per_passage) <= known

    @pytest.mark.parametrize(("text", "expected"), [("568M", 5.68e8), ("8B, twice", 1.6e10), ("", 0.0)])
    def test_sizes(self, text, expected) -> None:
        assert parameters(Recipe(description="", config={}, license="", languages=["en"], parameters=text)) == expected


class TestTune:
    @pytest.fixture
    def dataset(self) -> Dataset:
        """Half of the queries are answered by retrieval and half by words, which only both together get right."""
        queries, candidates, qrels = {}, {}, {}
        for number in range(20):
            query = f"q{number}"
            queries[query] = "alpha beta"
            by_words = number % 2 == 0
            candidates[query] = [
                Passage("alpha" if by_words else "nothing", id="a", score=9.0 if not by_words else 5.0),
                Passage("gamma delta", id="b", score=5.5 if by_words else 0.0),
                Passage("alpha" if not by_words else "epsilon", id="c", score=0.0 if by_words else 4.0),
            ]
            candidates[query].sort(key=lambda passage: -passage.score)
            qrels[query] = {"a": 1}
        return Dataset("made up", queries, candidates, qrels)

    def rerankers(self, *names):
        return {name: ({"reranker": name}, Reranker(name)) for name in names}

    def test_a_fusion_is_found_that_beats_both(self, dataset) -> None:
        found = tune(self.rerankers("bm25"), dataset, name="RR@10")
        assert found.best.config["fusion"] == "z-score"
        assert found.best.config["of"] == ["retrieval", {"reranker": "bm25"}]
        assert found.best.mean() == found.held_out == 1.0
        assert found.first_stage < 0.8
        assert found.p < 0.05
        # What was computed of measured scores is what the config gives.
        ranking = Reranker(found.best.config).rerank(dataset.queries["q0"], dataset.candidates["q0"])
        assert ranking.passages[0].passage.id == "a"

    def test_one_seed_one_choice(self, dataset) -> None:
        one, other = (tune(self.rerankers("bm25"), dataset, name="RR@10", seed=4) for _ in range(2))
        assert (one.best.config, one.held_out, one.p) == (other.best.config, other.held_out, other.p)

    def test_what_fails_or_is_too_slow_is_left_out_with_its_reason(self, dataset) -> None:
        absent = {"absent": ({"reranker": "bm25"}, BackendError("no weights here"))}
        found = tune(self.rerankers("lexical") | absent, dataset, budget_ms=0.0)
        assert found.left_out["absent"] == "no weights here"
        assert found.left_out["lexical"].endswith("ms for a query")
        assert found.best.config == {}

    def test_the_held_out_figure_does_not_see_its_own_queries(self) -> None:
        """Where what is best differs from query to query by chance, choosing on all of them flatters."""
        queries = {f"q{number}": "alpha" for number in range(10)}
        candidates = {
            query: [
                Passage("alpha" if place % 3 else "beta", id="x", score=float(place % 2)),
                Passage("alpha gamma", id="y", score=0.5),
            ]
            for place, query in enumerate(queries)
        }
        qrels = {query: {"xy"[place % 5 % 2]: 1} for place, query in enumerate(queries)}
        found = tune(self.rerankers("bm25", "lexical"), Dataset("x", queries, candidates, qrels), name="RR@10")
        assert found.held_out <= found.best.mean()

    def test_few_queries_are_refused(self, dataset) -> None:
        few = Dataset("few", {"q0": "a"}, {"q0": dataset.candidates["q0"]}, {"q0": {"a": 1}})
        with pytest.raises(InputError, match="too few for 5 folds"):
            tune(self.rerankers("bm25"), few)

    def test_without_retrieval_scores_there_is_no_fusion_with_them(self, dataset) -> None:
        bare = Dataset(
            "bare",
            dataset.queries,
            {query: [Passage(one.text, id=one.id) for one in found] for query, found in dataset.candidates.items()},
            dataset.qrels,
        )
        found = tune(self.rerankers("bm25", "lexical"), bare, name="RR@10")
        assert not any("retrieval" in yaml.safe_dump(one.config) for one in found.candidates)


def test_what_runs_here_needs_no_download() -> None:
    names = available_recipes()
    assert {"bm25", "lexical", "embedded"} <= set(names)
    assert "rankzephyr" not in names
    for name in names:
        Reranker(name)
