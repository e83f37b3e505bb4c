"""Judged data in every form that `swaprank eval` takes: what is read, what the candidates are, what is refused."""

import gzip
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from swaprank import InputError, MissingDependencyError
from swaprank.errors import ConfigError
from swaprank.evaluation.sources.open_data import DataOptions, open_data

TEXTS = {"d1": "green tea leaves", "d2": "black coffee beans", "d3": "cold milk", "d4": "tea with milk"}


def jsonl(path, entries) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(one) + "\n" for one in entries).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)


def ids(dataset) -> dict:
    return {query: [passage.id for passage in found] for query, found in dataset.candidates.items()}


@pytest.fixture
def beir(tmp_path):
    folder = tmp_path / "beir"
    jsonl(folder / "corpus.jsonl", [{"_id": id_, "title": "", "text": text} for id_, text in TEXTS.items()])
    jsonl(folder / "queries.jsonl", [{"_id": "q1", "text": "green tea"}, {"_id": "q2", "text": "milk"}])
    (folder / "qrels").mkdir()
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return folder


class TestBeir:
    def test_without_runs_bm25_searches_the_whole_collection(self, beir) -> None:
        data = open_data(DataOptions(str(beir)))
        assert ids(data) == {"q1": ["d1", "d4"]}
        assert data.candidates["q1"][0].score > data.candidates["q1"][1].score > 0
        assert data.split == "dev"
        assert "BM25" in data.first_stage_name

    def test_pages_are_images_beside_the_corpus(self, beir) -> None:
        (beir / "runs").mkdir()
        (beir / "runs" / "bm25.trec").write_text("q1 Q0 p1 1 2.0 x\nq1 Q0 p2 2 1.0 x\n")
        jsonl(
            beir / "corpus.jsonl",
            [{"_id": "p1", "text": "", "images": "1.png"}, {"_id": "p2", "text": "", "images": []}],
        )
        first, second = open_data(DataOptions(str(beir), run_name="bm25")).candidates["q1"]
        assert [one.name for one in first.images] == [f"The image {str(beir / '1.png')!r}"]
        assert second.images == ()
        jsonl(beir / "corpus.jsonl", [{"_id": "p1", "text": "", "images": [7]}])
        with pytest.raises(InputError, match="passage 'p1'"):
            open_data(DataOptions(str(beir), run_name="bm25"))

    def test_splits_are_chosen_and_joined(self, beir) -> None:
        (beir / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq2\td3\t1\n")
        with pytest.raises(InputError, match=r"splits dev, train.*--split"):
            open_data(DataOptions(str(beir)))
        assert set(open_data(DataOptions(str(beir), split="train")).candidates) == {"q2"}
        assert set(open_data(DataOptions(str(beir), split="all")).candidates) == {"q1", "q2"}
        with pytest.raises(InputError, match="no split 'test'"):
            open_data(DataOptions(str(beir), split="test"))

    def test_a_run_is_taken_and_several_must_be_named(self, beir) -> None:
        (beir / "runs").mkdir()
        (beir / "runs" / "dense.trec").write_text("q1 Q0 d3 1 2 x\nq1 Q0 d1 2 1 x\n")
        assert ids(open_data(DataOptions(str(beir)))) == {"q1": ["d3", "d1"]}
        (beir / "runs" / "other.trec").write_text("q1 Q0 d1 1 2 x\n")
        with pytest.raises(InputError, match=r"runs dense, other.*--run-name"):
            open_data(DataOptions(str(beir)))
        assert ids(open_data(DataOptions(str(beir), run_name="other"))) == {"q1": ["d1"]}
        assert ids(open_data(DataOptions(str(beir), first_stage="bm25"))) == {"q1": ["d1", "d4"]}

    def test_an_embedding_model_searches_it(self, beir) -> None:
        told = []
        options = DataOptions(str(beir), first_stage="static-embedding", depth=3)
        data = open_data(options, lambda done, total: told.append((done, total)))
        assert ids(data)["q1"][0] == "d1"
        assert len(ids(data)["q1"]) == 3
        assert told == [(4, 4)]
        with pytest.raises(ConfigError, match="embeds no passages"):
            open_data(DataOptions(str(beir), first_stage="lexical"))

    def test_single_files_need_no_run(self, beir) -> None:
        files = {
            "corpus": beir / "corpus.jsonl",
            "queries": beir / "queries.jsonl",
            "qrels": beir / "qrels" / "dev.tsv",
        }
        assert ids(open_data(DataOptions(**files))) == {"q1": ["d1", "d4"]}
        with pytest.raises(ConfigError, match="incomplete"):
            open_data(DataOptions(corpus=beir / "corpus.jsonl"))


class TestQuestions:
    def test_relevant_ids_and_quotes_of_a_corpus(self, beir, tmp_path) -> None:
        file = tmp_path / "questions.jsonl.gz"
        jsonl(
            file,
            [
                {"question": "green tea", "relevant": ["d1"]},
                {"id": "m", "query": "milk", "relevant": {"COLD  milk": 2, "d4": 1}},
                {"question": "coffee", "relevant": "nobody wrote this"},
            ],
        )
        data = open_data(DataOptions(str(file), corpus=beir / "corpus.jsonl"))
        assert data.qrels == {"1": {"d1": 1}, "m": {"d3": 2, "d4": 1}, "3": {"nobody wrote this": 1}}
        assert set(ids(data)["m"]) == {"d3", "d4"}

    def test_candidates_of_their_own_in_an_order_that_tells_nothing(self, tmp_path) -> None:
        file = tmp_path / "q.jsonl"
        passages = [{"id": "a", "text": "milk"}, "tea with milk", {"id": "c", "text": "coffee"}]
        jsonl(file, [{"question": "tea", "relevant": ["tea with milk"], "passages": passages}])
        data = open_data(DataOptions(str(file)))
        first, *rest = data.candidates["1"]
        assert first.text == "tea with milk"
        assert {passage.id for passage in rest} == {"a", "c"}
        assert data.qrels == {"1": {first.id: 1}}

    def test_without_a_corpus_all_quotes_are_searched(self, tmp_path) -> None:
        file = tmp_path / "q.jsonl"
        jsonl(file, [{"question": one, "relevant": [one]} for one in TEXTS.values()])
        data = open_data(DataOptions(str(file)))
        assert [found[0].text for found in data.candidates.values()] == list(TEXTS.values())

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ({"relevant": ["a"]}, "line 1 has no question"),
            ({"question": "a", "relevant": 7}, "whose relevant is '7'"),
            ({"question": "a", "relevant": ["a"], "passages": [7]}, "line 1 has the passage '7'"),
            ({"question": "a", "relevant": ["a"], "passages": "a"}, "line 1 has the passages 'a'"),
        ],
    )
    def test_wrong_lines_are_told(self, tmp_path, line, message) -> None:
        jsonl(tmp_path / "q.jsonl", [line])
        with pytest.raises(InputError, match=message):
            open_data(DataOptions(str(tmp_path / "q.jsonl")))


class TestMteb:
    @pytest.fixture
    def task(self, tmp_path):
        """The current layout, in two languages, one of them as parquet."""
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        tables = {
            "corpus": [{"id": id_, "title": "", "text": text} for id_, text in TEXTS.items()],
            "queries": [{"id": "q1", "text": "green tea"}],
            "qrels": [{"query-id": "q1", "corpus-id": "d1", "score": 1}],
            "top_ranked": [{"query-id": "q1", "corpus-ids": ["d1", "d2", "d4"]}],
        }
        for name, rows in tables.items():
            jsonl(tmp_path / f"en-{name}" / "test.jsonl", rows)
            (tmp_path / f"ar-{name}").mkdir()
            parquet.write_table(
                pyarrow.Table.from_pylist(rows), tmp_path / f"ar-{name}" / "test-00000-of-00001.parquet"
            )
        return tmp_path

    @pytest.mark.parametrize("subset", ["en", "ar"])
    def test_a_task_of_tables(self, task, subset) -> None:
        data = open_data(DataOptions(str(task), subset=subset))
        assert data.name.endswith(subset)
        assert ids(data)["q1"][:2] == ["d1", "d4"]
        assert set(ids(data)["q1"]) == {"d1", "d2", "d4"}
        assert data.qrels == {"q1": {"d1": 1}}

    def test_several_languages_must_be_named(self, task) -> None:
        with pytest.raises(InputError, match=r"subsets ar, en.*--subset"):
            open_data(DataOptions(str(task)))
        with pytest.raises(InputError, match="no subset 'de'"):
            open_data(DataOptions(str(task), subset="de"))

    def test_a_task_of_positives_and_negatives_does_not_tell_them_by_order(self, tmp_path) -> None:
        """With candidates that BM25 cannot tell apart, the positives would be first in the file's order."""
        rows = [
            {"query": f"x{number}", "positive": [f"yes {number}"], "negative": [f"no {number} {one}" for one in "abc"]}
            for number in range(40)
        ]
        jsonl(tmp_path / "test.jsonl", rows)
        data = open_data(DataOptions(str(tmp_path)))
        firsts = [found[0].text.startswith("yes") for found in data.candidates.values()]
        assert len(firsts) == 40
        assert 2 <= sum(firsts) <= 20
        assert all(sum(judged.values()) == 1 and len(judged) == 4 for judged in data.qrels.values())


@pytest.mark.parametrize("header", [True, False])
def test_noveleval_and_its_like_rank_what_was_judged(tmp_path, header) -> None:
    heads = ("docid\tcontent\n", "qid\tquery\n") if header else ("", "")
    (tmp_path / "corpus.tsv").write_text(heads[0] + "".join(f"{id_}\t{text}\n" for id_, text in TEXTS.items()))
    (tmp_path / "queries.tsv").write_text(heads[1] + 'q1\tgreen "tea\n')
    (tmp_path / "qrels.txt").write_text("q1 Q0 d1 2\nq1 Q0 d2 0\nq1 Q0 d3 0\n")
    data = open_data(DataOptions(str(tmp_path)))
    assert data.queries == {"q1": 'green "tea'}
    assert ids(data)["q1"][0] == "d1"
    assert set(ids(data)["q1"]) == {"d1", "d2", "d3"}


def test_a_line_of_names_says_which_column_is_the_text(tmp_path) -> None:
    (tmp_path / "corpus.tsv").write_text("doc_id\ttext\n" + "".join(f"{id_}\t{text}\n" for id_, text in TEXTS.items()))
    (tmp_path / "queries.csv").write_text('query_id,category,query_text\nq1,Drinks,"green, or black, tea"\n')
    (tmp_path / "qrels.txt").write_text("q1 Q0 d1 2\nq1 Q0 d2 0\n")
    assert open_data(DataOptions(str(tmp_path))).queries == {"q1": "green, or black, tea"}
    (tmp_path / "queries.csv").write_text("query_id,category,query_text\nq1,Drinks\n")
    with pytest.raises(InputError, match="line 2 has no column 3"):
        open_data(DataOptions(str(tmp_path)))


def test_a_name_that_is_no_file_may_be_a_mistake(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MissingDependencyError, match=r"no file or folder 'nowhere'.*swaprank\[eval\]"):
        open_data(DataOptions("nowhere"))


class TestCatalog:
    """By a stand-in for ir_datasets with the part of its interface that is used: the real one downloads."""

    @pytest.fixture
    def library(self, monkeypatch):
        def record(kind, **fields):
            return SimpleNamespace(**fields, default_text=lambda: fields[kind])

        documents = [record("text", doc_id=id_, text=text) for id_, text in TEXTS.items()]
        scored = [SimpleNamespace(query_id="q1", doc_id=one, score=score) for one, score in (("d1", 1.0), ("d3", 2.0))]
        data = SimpleNamespace(
            docs_iter=lambda: iter(documents),
            docs_store=lambda: SimpleNamespace(
                get_many_iter=lambda wanted: (one for one in documents if one.doc_id in wanted)
            ),
            queries_iter=lambda: iter([record("text", query_id="q1", text="green tea")]),
            qrels_iter=lambda: iter([SimpleNamespace(query_id="q1", doc_id="d1", relevance=1)]),
            scoreddocs_iter=lambda: iter(scored),
            **{f"has_{one}": lambda: True for one in ("docs", "queries", "qrels", "scoreddocs")},
        )
        module = ModuleType("ir_datasets")
        module.load = {"tea/test": data}.__getitem__
        monkeypatch.setitem(sys.modules, "ir_datasets", module)
        return data

    def test_its_candidates_are_taken(self, library) -> None:
        data = open_data(DataOptions("tea/test"))
        assert ids(data) == {"q1": ["d3", "d1"]}
        assert data.name == "tea/test"

    def test_without_them_bm25_searches(self, library) -> None:
        library.has_scoreddocs = lambda: False
        assert ids(open_data(DataOptions("tea/test"))) == {"q1": ["d1", "d4"]}

    def test_unknown_ids_and_data_without_judgements(self, library) -> None:
        with pytest.raises(InputError, match="neither a file, a folder nor an id"):
            open_data(DataOptions("tea/unknown"))
        library.has_qrels = lambda: False
        with pytest.raises(InputError, match="has no qrels"):
            open_data(DataOptions("tea/test"))

    def test_the_extra_is_named(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "ir_datasets", None)
        with pytest.raises(MissingDependencyError, match=r"swaprank\[eval\]"):
            open_data(DataOptions("beir/scifact/test"))


def test_what_is_nothing_of_this_is_told(tmp_path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        open_data(DataOptions(str(tmp_path / "missing")))
    with pytest.raises(InputError, match="no data in a known form"):
        open_data(DataOptions(str(tmp_path)))
