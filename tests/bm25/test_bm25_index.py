"""BM25 over a collection in a folder: the numbers of bm25s, updates, use from a config."""

import json

import pytest

from swaprank import BM25Index, ConfigError, InputError, Passage, Reranker
from swaprank.bm25.analysis import CHARACTER_PAIRS, detect_language, terms
from swaprank.bm25.files import MANIFEST
from swaprank.requests import Analysis

DOCUMENTS = [
    Passage("tea with milk", id="milk"),
    Passage("tea with lemon", id="lemon"),
    Passage("tea alone", id="alone"),
    Passage("", id="empty"),
    Passage("a rare samovar, and tea tea tea in it", id="samovar", title="Russia"),
]
VARIANTS = ["lucene", "robertson", "atire", "bm25l", "bm25+"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_numbers_are_those_of_bm25s_inside_and_outside(variant, tmp_path) -> None:
    index = BM25Index.build(DOCUMENTS, tmp_path / "i", variant=variant, k1=1.2, b=0.6, language="en")
    import bm25s

    texts = [passage.content for passage in DOCUMENTS]
    plain = bm25s.BM25(method=variant, k1=1.2, b=0.6, delta=1.0 if variant == "bm25+" else 0.5)
    plain.index([terms(text, Analysis(language="en")) for text in texts], show_progress=False)
    for query in ("samovar tea", "milk", "lemon lemon"):
        expected = plain.get_scores(terms(query, Analysis(language="en")))
        assert index.scores(query, texts) == pytest.approx(expected.tolist(), abs=1e-6)
        # Other white space: not the texts of the collection, but their terms.
        outside = index.scores(query, [f" {text} " for text in texts if text])
        assert outside == pytest.approx(
            [score for score, text in zip(expected.tolist(), texts, strict=True) if text], abs=1e-6
        )
    assert index.scores("unheard", texts) == [0.0] * len(texts)


def test_bm25s_itself_reads_the_folder(tmp_path) -> None:
    import bm25s

    index = BM25Index.build(DOCUMENTS, tmp_path / "i", language="en")
    scores = bm25s.BM25.load(index.version_path).get_scores(["milk"])
    assert index.scores("milk", ["tea with milk"])[0] == pytest.approx(scores[0])


def test_search(tmp_path) -> None:
    index = BM25Index.build(DOCUMENTS, tmp_path / "i", language="en")
    assert [id_ for id_, _ in index.search("samovar tea")] == ["samovar", "milk", "lemon", "alone"]
    assert [id_ for id_, _ in index.search("tea", 2)] == [id_ for id_, _ in index.search("tea")][:2]
    assert index.search("unheard") == [] == index.search("the")
    scores = [score for _, score in index.search("tea with milk")]
    assert scores == sorted(scores, reverse=True) and all(type(score) is float for score in scores)


def test_lone_surrogates_are_read_as_replacement_characters(tmp_path) -> None:
    index = BM25Index.build([Passage("tea \ud800milk", id="odd \udfff")], tmp_path / "i", language="en")
    assert BM25Index.load(tmp_path / "i").search("tea\ud800")[0][0] == "odd \udfff"
    assert index.scores("tea", ["tea \ud800milk"]) == [score for _, score in index.search("tea")]


def test_a_text_outside_with_parameters_that_leave_nothing_to_divide_by(tmp_path) -> None:
    for variant in VARIANTS:
        index = BM25Index.build(DOCUMENTS, tmp_path / variant, variant=variant, k1=0, b=1, language="en")
        inside, outside = index.scores("samovar milk", ["tea with milk", "tea with  milk"])
        assert outside == pytest.approx(inside, abs=1e-6)


def same(index, fresh) -> None:
    assert sorted(index.ids) == sorted(fresh.ids)
    for query in ("tea", "milk", "coffee", "samovar"):
        assert dict(index.search(query)) == pytest.approx(dict(fresh.search(query)), abs=1e-6)


def test_an_update_equals_a_new_index_and_reads_only_what_changed(tmp_path, monkeypatch) -> None:
    index = BM25Index.build(DOCUMENTS, tmp_path / "i", language="en", variant="atire")
    read: list[str] = []
    from swaprank.bm25 import encoder as module

    real = module.words
    monkeypatch.setattr(module, "words", lambda text, *rest: read.append(text) or real(text, *rest))
    changed = [Passage("coffee with milk", id="milk"), Passage("tea alone", id="alone"), Passage("cold brew", id="new")]
    updated = index.update(changed, remove=["samovar", "unheard"])
    assert read == ["coffee with milk", "cold brew"]
    after = [DOCUMENTS[1], DOCUMENTS[2], DOCUMENTS[3], changed[0], changed[2]]
    same(updated, BM25Index.build(after, tmp_path / "j", language="en", variant="atire"))
    assert [id_ for id_, _ in index.search("samovar")] == ["samovar"], "the open index changed under its reader"
    same(BM25Index.load(tmp_path / "i"), updated)
    same(updated.sync(DOCUMENTS), BM25Index.build(DOCUMENTS, tmp_path / "k", language="en", variant="atire"))


def test_an_update_that_changes_nothing_writes_nothing(tmp_path) -> None:
    index = BM25Index.build(DOCUMENTS, tmp_path / "i")
    written = (tmp_path / "i" / MANIFEST).stat().st_mtime_ns
    assert index.update(DOCUMENTS[:2]) is index is index.sync(DOCUMENTS)
    assert (tmp_path / "i" / MANIFEST).stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.iterdir()] == ["i"]


def test_ensure_builds_syncs_or_builds_anew(tmp_path) -> None:
    path = tmp_path / "new" / "i"
    assert len(BM25Index.ensure(DOCUMENTS, path, language="en")) == 5
    assert BM25Index.ensure(DOCUMENTS[:2], path, language="en").ids == ["milk", "lemon"]
    assert BM25Index.ensure(DOCUMENTS, path, language="en", k1=0.9).analysis == Analysis(language="en", k1=0.9)


def test_a_config_uses_it_by_its_path(tmp_path) -> None:
    path = str(tmp_path / "i")
    index = BM25Index.build(DOCUMENTS, path, language="en")
    candidates = [DOCUMENTS[2], Passage("tea in a samovar"), DOCUMENTS[4]]
    config = {"method": "bm25", "collection": path}
    ranking = Reranker(config).rerank("tea samovar", candidates)
    assert ranking.scores == pytest.approx(index.scores("tea samovar", [passage.content for passage in candidates]))
    assert Reranker({"fusion": "z-score", "of": [config, "first-stage"]}).rerank("tea", candidates).order
    index.update(remove=["samovar", "lemon", "alone"])
    assert Reranker(config).rerank("tea samovar", candidates).scores != ranking.scores
    with pytest.raises(ConfigError, match=r"was built with k1: 1\.5, not 0\.9"):
        Reranker({**config, "k1": 0.9}).rerank("tea", candidates)
    assert Reranker({**config, "language": "en"}).rerank("tea", candidates).scores


def test_what_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no term"):
        BM25Index.build([], tmp_path / "i")
    for odd, message in ((7, "Document 1 is 7, neither"), (Passage(b"x"), "neither"), (Passage("x", id=7), "the id 7")):
        with pytest.raises(InputError, match=message):
            BM25Index.build(["tea", odd], tmp_path / "i")
    with pytest.raises(InputError, match="k is 0"):
        BM25Index.build(["tea"], tmp_path / "k").search("tea", 0)
    with pytest.raises(InputError, match="no term"):
        BM25Index.build(["", "the"], tmp_path / "i", language="en")
    with pytest.raises(ConfigError, match="holds no BM25 index"):
        BM25Index.load(tmp_path)
    with pytest.raises(ConfigError, match="holds no BM25 index"):
        Reranker("bm25", collection=str(tmp_path)).rerank("tea", ["tea"])
    with pytest.raises(ConfigError, match="stemming"):
        BM25Index.build(["tea"], tmp_path / "i", stemming=True)
    with pytest.raises(ConfigError, match="no tokenisation for language 'xx'"):
        BM25Index.build(["tea"], tmp_path / "i", language="xx")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="something else"):
        BM25Index.build(["tea"], tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    BM25Index.build(["tea"], tmp_path / "i")
    (tmp_path / "i" / MANIFEST).write_text(json.dumps({"format": 99}))
    with pytest.raises(ConfigError, match="format 99 is unknown"):
        BM25Index.load(tmp_path / "i")


def test_mixed_languages_by_their_script(tmp_path) -> None:
    index = BM25Index.build(["The library opens", "تُستخدم المكتبة", "图书馆开门", "図書館が開く"], tmp_path / "i")
    for query, text in (("libraries", "The library opens"), ("المكتبة", "تُستخدم المكتبة"), ("图书馆", "图书馆开门")):
        [(id_, _)] = index.search(query)
        assert index.ids.index(id_) == ["The library opens", "تُستخدم المكتبة", "图书馆开门"].index(text)


@pytest.mark.parametrize("language", CHARACTER_PAIRS)
def test_chinese_japanese_and_korean_fall_into_character_pairs(language) -> None:
    analysis = Analysis(language=language)
    assert terms("图书馆有 PyTorch 2.0 書", analysis) == ["图书", "书馆", "馆有", "pytorch", "書"]
    assert terms("도서관", analysis) == ["도서", "서관"]


def test_scripts() -> None:
    found = {
        text: detect_language(text) for text in ("图书馆", "図書館が開く", "도서관", "мир", "図書館 library hours")
    }
    assert list(found.values()) == ["zh", "ja", "ko", "en", "en"]


def test_vowel_signs_belong_to_their_word() -> None:
    plain = Analysis(language="hi", stemmer=False)
    assert terms("हिन्दी भाषा", plain) == ["हिन्दी", "भाषा"]


@pytest.mark.parametrize("documents", [None, 3, "one text", b"bytes", {"id": "text"}, [10**5000]])
def test_what_is_not_a_collection_of_documents_is_refused(documents, tmp_path) -> None:
    with pytest.raises(InputError):
        BM25Index.build(documents, tmp_path / "i")


@pytest.mark.parametrize("path", [None, 3, b"i", [], "\ud800", "a\0b"])
def test_what_is_not_a_path_is_refused(path) -> None:
    for call in (BM25Index.load, lambda path: BM25Index.build(DOCUMENTS, path)):
        with pytest.raises(ConfigError, match="path of the index"):
            call(path)
