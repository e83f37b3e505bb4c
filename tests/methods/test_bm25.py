"""Parity of BM25 with bm25s, its degenerate cases, and Arabic."""

import json

import pytest

from swaprank import ConfigError, InputError, Reranker
from swaprank.bm25.analysis import LANGUAGES, detect_language, normalize_arabic, terms
from swaprank.requests import Analysis
from tests.conftest import golden, inputs

RECORDED = golden("bm25")
INPUTS = inputs()
TOKENISATION = {
    "bm25s English stopwords + Snowball english": {"language": "en"},
    "bm25s no stopwords + Snowball arabic": {"language": "ar", "normalize_arabic": False},
    "bm25s default (lowercase, \\b\\w\\w+\\b, English stopwords)": {"language": "en", "stemmer": False},
    "bm25s no stopwords, no stemmer": {"language": "en", "stemmer": False, "stopwords": False},
}


def ours(case) -> bool:
    """Not rank_bm25's own formulas nor white-space splitting: other people's defaults, which we do not offer."""
    return case["parameters"]["variant"].startswith("bm25s") and case["parameters"]["tokenisation"] in TOKENISATION


def options(case) -> dict:
    parameters = case["parameters"]
    tokenisation = dict(TOKENISATION[parameters["tokenisation"]])
    if parameters.get("background"):
        tokenisation["collection"] = [document["text"] for document in INPUTS["novel-5"]["documents"]]
    variant = parameters["variant"].removeprefix("bm25s ")
    delta = {"bm25+": 1.0, "bm25l": 0.5}.get(variant)
    chosen = {"variant": variant, "k1": parameters["k1"], "b": parameters["b"], **tokenisation}
    return chosen if delta is None else {**chosen, "delta": delta}


def case_id(case) -> str:
    return "-".join(str(value) for value in (case["input"], *case["parameters"].values()))


@pytest.mark.parametrize("case", [*filter(ours, RECORDED["cases"])], ids=case_id)
def test_bm25s(case) -> None:
    given = INPUTS[case["input"]]
    texts = [document["text"] for document in given["documents"]]
    ranking = Reranker({"method": "bm25", "empty_passages": "score", **options(case)}).rerank(given["query"], texts)
    assert ranking.scores == pytest.approx(case["scores"], abs=2e-5, rel=1e-5)
    for mine, theirs in zip(ranking.order, case["order"], strict=True):
        assert ranking.scores[mine] == pytest.approx(ranking.scores[theirs], abs=2e-5)


@pytest.mark.parametrize("case", [case for case in RECORDED["cases"] if ours(case) and "tokens" in case], ids=case_id)
def test_terms(case) -> None:
    chosen = options(case)
    analysis = Analysis(
        language=chosen["language"],
        stemmer=chosen.get("stemmer", True),
        stopwords=chosen.get("stopwords", True),
        normalize=chosen.get("normalize_arabic", True),
    )
    given = INPUTS[case["input"]]
    assert terms(given["query"], analysis) == case["tokens"]["query"]
    for document, recorded in zip(given["documents"], case["tokens"]["documents"], strict=True):
        found = terms(document["text"], analysis)
        assert found == recorded if isinstance(recorded, list) else len(found) == recorded["count"]


DEGENERATE = [case for case in RECORDED["degenerate_cases"] if ours(case)]


@pytest.mark.parametrize("case", [case for case in DEGENERATE if case["query"]], ids=case_id)
def test_degenerate(case) -> None:
    """bm25s raises where nothing can be indexed; ours says 0."""
    reranker = Reranker({"method": "bm25", "empty_passages": "score", **options(case)})
    ranking = reranker.rerank(case["query"], case["documents"])
    assert (case["scores"] is None) == ("error" in case)
    assert ranking.scores == pytest.approx(case["scores"] or [0.0] * len(case["documents"]), abs=2e-5)


@pytest.mark.parametrize("case", [case for case in DEGENERATE if not case["query"]], ids=case_id)
def test_an_empty_query_is_an_error_and_not_zeros(case) -> None:
    with pytest.raises(InputError):
        Reranker({"method": "bm25", **options(case)}).rerank(case["query"], case["documents"])


def test_the_defaults_are_the_recorded_ones() -> None:
    method = Reranker("bm25")._stage.ranker.method
    assert (method.variant, method.k1, method.b) == ("lucene", 1.5, 0.75)


def test_arabic_is_detected_and_vocalised_words_meet_plain_ones() -> None:
    assert detect_language("تُستخدم") == "ar"
    assert detect_language("green تُستخدم tea and coffee") == "en"
    assert detect_language("") == "en"
    assert normalize_arabic("تُسْتَخْدَمُ إلى أُمّة مكتبـة ٱلآن") == "تستخدم الي امة مكتبة الان"
    query, texts = "تُستخدم المكتبة", ["تستخدم", "لا شيء", "المَكتبة"]
    assert Reranker("bm25").rerank(query, texts).order == [0, 2, 1]
    plain = Reranker("bm25", normalize_arabic=False).rerank(query, texts)
    assert plain.scores[0] == 0.0


def test_an_arabic_query_reads_mixed_passages_as_arabic() -> None:
    ranking = Reranker("bm25").rerank("المكتبة", ["library code in English with مكتبة inside", "only English text"])
    assert ranking.scores[0] > 0 == ranking.scores[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_stemmer(language) -> None:
    assert Reranker("bm25", language=language).rerank("abc def", ["abc def", "xyz"]).order == [0, 1]


@pytest.mark.parametrize("variant", ["lucene", "robertson", "atire", "bm25l", "bm25+"])
def test_a_collection_is_indexed_before_the_candidates(variant) -> None:
    """As bm25s scores them in one index: the recorded cases with a background cannot be republished."""
    import bm25s

    background, given = INPUTS["happy"], INPUTS["edison"]
    collection = [document["text"] for document in background["documents"]]
    texts = [document["text"] for document in given["documents"]]
    analysis = Analysis(language="en")
    index = bm25s.BM25(method=variant, k1=1.5, b=0.75, delta=1.0 if variant == "bm25+" else 0.5)
    index.index([terms(text, analysis) for text in [*collection, *texts]], show_progress=False)
    known = [term for term in terms(given["query"], analysis) if term in index.vocab_dict]
    expected = index.get_scores(known)[len(collection) :]
    ranking = Reranker("bm25", variant=variant, language="en", collection=collection).rerank(given["query"], texts)
    assert ranking.scores == pytest.approx(expected.tolist(), abs=2e-5)
    alone = Reranker("bm25", variant=variant, language="en").rerank(given["query"], texts)
    assert ranking.scores != pytest.approx(alone.scores, abs=1e-3)


def test_a_collection_decides_what_is_rare(tmp_path) -> None:
    collection = ["tea with milk", "tea with lemon", "tea alone", "a rare samovar"]
    query, texts = "tea samovar", ["tea alone", "a rare samovar", "a passage of its own about tea"]
    file = tmp_path / "collection.jsonl"
    file.write_text("".join(json.dumps({"title": "", "text": text}) + "\n" for text in collection))
    rankings = [
        Reranker("bm25", collection=given, language="en").rerank(query, texts) for given in (collection, str(file))
    ]
    assert rankings[0].scores == rankings[1].scores
    assert rankings[0].order[0] == 1
    with pytest.raises(ConfigError, match="cannot be read"):
        Reranker("bm25", collection="missing.jsonl").rerank(query, texts)
