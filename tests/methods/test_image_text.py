"""Parity of the bi-encoder with CLIP and SigLIP on images, and what it does with images that cannot be read."""

import math

import pytest

from swaprank import ImageError, Passage, Query, Reranker
from swaprank.requests import Embed, Embedded, EmbedImage
from swaprank.testing import ScriptedBackend
from tests.conftest import GOLDEN, MODELS, golden

pytest.importorskip("PIL")
pytest.importorskip("torch")
CASES = golden("image-text-embedding")["cases"]
INPUTS = {entry["id"]: entry for entry in golden("inputs-multimodal")}
IMAGES = GOLDEN / "images"
# The official code clips 16 bits to white; ours are scaled.
SCALED = "sixteen_bit.png"


def reranker(model: str, **options) -> Reranker:
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu"}
    config = {"method": "bi-encoder", "model": str(MODELS / model), "images": "read", "backend": backend}
    return Reranker({**config, **options})


def passages(given) -> list[Passage]:
    return [
        Passage(
            document.get("text", ""),
            id=document["id"],
            images=(IMAGES / document["image"],) if "image" in document else (),
        )
        for document in given["documents"]
    ]


def asked(given, case) -> Query:
    if case["query_type"] == "text":
        return Query(given["query"])
    return Query(given["query"], images=(IMAGES / given["query_image"],))


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['model']}-{case['input']}")
def test_the_official_code(case) -> None:
    given = INPUTS[case["input"]]
    ranking = reranker(case["model"]).rerank(asked(given, case), passages(given))
    compared = [place for place, one in enumerate(given["documents"]) if one.get("image") != SCALED]
    for place in compared:
        assert ranking.scores[place] == pytest.approx(case["scores"][place], abs=2e-5)
    official = [place for place in case["order"] if place in compared]
    ours = [place for place in ranking.order if place in compared]
    for left, right in zip(ours, official, strict=True):
        assert left == right or math.isclose(case["scores"][left], case["scores"][right], abs_tol=2e-5)
    assert ranking.warnings == []


@pytest.mark.torch
def test_equal_images_score_equal_and_batches_do_not_matter() -> None:
    given = INPUTS["duplicates"]
    together = reranker("tiny-siglip").rerank(given["query"], passages(given))
    alone = [reranker("tiny-siglip").rerank(given["query"], [one]).scores[0] for one in passages(given)]
    assert together.scores == pytest.approx(alone, abs=1e-6)
    assert together.scores[0] == together.scores[2]


@pytest.mark.torch
def test_a_broken_image_does_not_lose_the_query() -> None:
    given = INPUTS["broken"]
    candidates = [*passages(given), Passage("a blue square", images=(IMAGES / "truncated.jpg",))]
    ranking = reranker("tiny-clip").rerank(given["query"], candidates)
    assert sorted(ranking.order) == list(range(len(candidates)))
    broken = [place for place, one in enumerate(given["documents"]) if "broken" in one["image"] or place >= 2]
    assert set(ranking.order[-len(broken) :]) == set(broken)
    assert any(warning.startswith("Passage 5: The image") and "truncated" in warning for warning in ranking.warnings)
    assert any("'broken-4'" in one and "missing.png' cannot be read" in one for one in ranking.warnings)
    with pytest.raises(ImageError, match="missing"):
        reranker("tiny-clip").rerank(Query("", images="missing.png"), candidates)


@pytest.mark.torch
def test_texts_and_images_in_one_list_are_warned_of() -> None:
    given = INPUTS["mixed"]
    [warning] = reranker("tiny-clip").rerank(given["query"], passages(given)).warnings
    assert "4 passages were compared by their images and 2 by their text" in warning


@pytest.mark.torch
def test_a_blank_passage_among_images_is_no_text() -> None:
    ranking = reranker("tiny-clip").rerank("red", [Passage(" "), Passage("", images=RED)])
    assert (ranking.order, ranking.warnings) == ([1, 0], [])


@pytest.mark.torch
def test_a_model_without_an_image_tower_says_so() -> None:
    with pytest.raises(Exception, match="reads texts, and is asked about images"):
        reranker("tiny-colbert-pylate", method="late-interaction").rerank("q", passages(INPUTS["one"]))


def vectors(request):
    """What belongs together lies close by; images and texts by their name or content."""
    if isinstance(request, EmbedImage):
        return Embedded([1.0, 0.0] if "red" in request.image.name else [0.0, 1.0])
    return Embedded([1.0, 0.2] if "red" in request.text else [0.2, 1.0])


def scripted(**options) -> tuple[Reranker, ScriptedBackend]:
    backend = ScriptedBackend(vectors)
    return Reranker({"method": "bi-encoder", "model": "m", **options}, backend=backend), backend


RED, BLUE = IMAGES / "red_circle.png", IMAGES / "blue_square.png"


def test_a_passage_of_several_images_counts_as_its_best() -> None:
    method, _ = scripted(images="read")
    ranking = method.rerank("red", [Passage("", images=(BLUE, RED)), Passage("", images=(RED,))])
    assert ranking.scores[0] == ranking.scores[1]


def test_a_blend_is_the_mean_of_text_and_image() -> None:
    passage = Passage("blue", images=(RED,))
    read, blended, ignored = (
        scripted(images=how)[0].rerank("red", [passage]).scores[0] for how in ("read", "blend", "ignore")
    )
    assert read > blended > ignored


def test_a_query_of_text_and_image_reads_the_image_or_both() -> None:
    for how, count in (("read", 0), ("blend", 1)):
        method, backend = scripted(images=how)
        method.rerank(Query("red", images=(RED,)), [Passage("", images=(RED,))])
        assert sum(isinstance(request, Embed) for request in backend.requests) == count


@pytest.mark.torch
@pytest.mark.parametrize("model", ["tiny-clip", "tiny-colqwen2"])
def test_a_cache_keeps_images_by_their_content(model, tmp_path) -> None:
    method = "bi-encoder" if model == "tiny-clip" else "late-interaction"
    cached = reranker(model, method=method, cache={"type": "disk", "path": str(tmp_path)})
    first = cached.rerank("red", [Passage("", images=RED), Passage("", images=IMAGES / "truncated.jpg")])
    again = cached.rerank("red", [Passage("", images=RED.read_bytes()), Passage("", images=BLUE)])
    assert again.scores[0] == pytest.approx(first.scores[0], abs=1e-6)
    # The query and the red circle; what could not be read is not kept.
    assert sum(call.cached for call in again.calls) == 2


@pytest.mark.parametrize("model", ["tiny-clip", "tiny-siglip", "tiny-colqwen2"])
def test_a_model_that_reads_images_is_found_by_its_config(model) -> None:
    method = "late-interaction" if model == "tiny-colqwen2" else "bi-encoder"
    found = Reranker(str(MODELS / model))._stage.ranker.method
    assert (found.name, found.images) == (method, "read")
