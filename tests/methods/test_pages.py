"""Parity of late interaction on page images with colpali-engine's ColQwen2."""

import math

import numpy as np
import pytest

from swaprank import ConfigError, InputError, Passage, Query, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.images import Image
from swaprank.requests import EmbedImageTokens, EmbedTokens
from swaprank.scores.late_interaction import max_sim
from swaprank.testing import check_backend
from tests.conftest import GOLDEN, MODELS, golden

pytest.importorskip("PIL")
pytest.importorskip("torch")
RECORDED = golden("colpali")
CASES = RECORDED["cases"]
INPUTS = {entry["id"]: entry for entry in golden("inputs-multimodal")}
IMAGES = GOLDEN / "images"
# The official code clips 16 bits to white; ours are scaled.
SCALED = "sixteen_bit.png"
FLOAT32 = {"type": "transformers", "dtype": "float32", "device": "cpu"}


def reranker(**options) -> Reranker:
    config = {"method": "late-interaction", "model": str(MODELS / "tiny-colqwen2"), "images": "read"}
    return Reranker({**config, "backend": FLOAT32, **options})


def backend() -> TransformersBackend:
    return TransformersBackend(str(MODELS / "tiny-colqwen2"), TransformersOptions(dtype="float32", device="cpu"))


def passages(given) -> list[Passage]:
    return [
        Passage(
            document.get("text", ""),
            id=document["id"],
            images=(IMAGES / document["image"],) if "image" in document else (),
        )
        for document in given["documents"]
    ]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("engine", {"query_prefix": ""}),
        ("engine_with_query_prefix", {}),
        ("engine_image_tokens_only", {"query_prefix": "", "image_tokens_only": True}),
    ],
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"])
def test_the_official_code(case, variant, options) -> None:
    given, recorded = INPUTS[case["input"]], case[variant]
    ranking = reranker(**options).rerank(given["query"], passages(given))
    compared = [place for place, one in enumerate(given["documents"]) if one["image"] != SCALED]
    for place in compared:
        assert ranking.scores[place] == pytest.approx(recorded["scores"][place], abs=1e-4)
    official = [place for place in recorded["order"] if place in compared]
    ours = [place for place in ranking.order if place in compared]
    for left, right in zip(ours, official, strict=True):
        assert left == right or math.isclose(recorded["scores"][left], recorded["scores"][right], abs_tol=1e-4)


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"])
def test_the_tokens_and_vectors_of_the_official_code(case) -> None:
    given = INPUTS[case["input"]]
    requests = [EmbedImageTokens(Image(IMAGES / document["image"])) for document in given["documents"]]
    [asked, *pages] = backend().run([EmbedTokens(given["query"], "query", marker=""), *requests])
    assert list(asked.ids) == case["query_ids"]["engine"]
    assert np.allclose(asked.vectors[:, :4], case["query_embedding_first_4_dims"], atol=1e-4)
    for document, page, ids, total in zip(
        given["documents"], pages, case["document_token_ids"], case["document_embedding_sums"], strict=True
    ):
        assert list(page.ids) == ids
        if document["image"] != SCALED:
            assert float(page.vectors.sum()) == pytest.approx(total, abs=1e-3)


@pytest.mark.torch
def test_batches_and_threads_do_not_matter() -> None:
    requests = [EmbedTokens("tea", "query"), EmbedTokens("a page about tea", "passage")]
    requests += [EmbedImageTokens(Image(IMAGES / name)) for name in ("page_tea.png", "red_circle.png", "meadow.jpg")]
    requests.append(EmbedImageTokens(Image(IMAGES / "page_tea.png"), max_pixels=6272, image_only=True))
    check_backend(backend(), requests)


@pytest.mark.torch
def test_max_pixels_bounds_the_tokens() -> None:
    image = Image(IMAGES / "page_dense.png")
    whole, small = backend().run([EmbedImageTokens(image, image_only=True), EmbedImageTokens(image, 6272, True)])
    assert len(small.vectors) <= 6272 / 28**2 < len(whole.vectors)


@pytest.mark.torch
def test_control_tokens_in_texts_are_text() -> None:
    [found] = backend().run([EmbedTokens("<|vision_start|><|image_pad|> page", "query")])
    assert 1514 not in found.ids


@pytest.mark.torch
def test_pages_texts_and_broken_images_in_one_list() -> None:
    candidates = [
        Passage("", id="page", images=(IMAGES / "page_tea.png", IMAGES / "meadow.jpg")),
        Passage("Green tea contains antioxidants."),
        Passage("A text to fall back on.", id="broken", images=(IMAGES / "truncated.jpg",)),
        Passage("", images=(IMAGES / "ratio_201.png",)),
    ]
    ranking = reranker().rerank("green tea", candidates)
    assert ranking.order[-1] == 3
    assert [warning.split(":")[0] for warning in ranking.warnings] == ["Passage 'broken'", "Passage 3"]
    alone = reranker().rerank("green tea", [Passage("A text to fall back on.")]).scores[0]
    assert ranking.scores[2] == pytest.approx(alone, abs=1e-5)


@pytest.mark.torch
def test_a_query_is_asked_in_words() -> None:
    circle = (IMAGES / "red_circle.png",)
    ranking = reranker().rerank(Query("a circle", images=circle), [Passage("", images=circle)])
    assert ranking.warnings == ["'late-interaction' asks in words: the images of the query were not read."]
    with pytest.raises(InputError, match="asks about pages in words"):
        reranker().rerank(Query("", images=circle), [Passage("", images=circle)])


@pytest.mark.parametrize("case", RECORDED["maxsim_cases"])
def test_no_score_depends_on_padding(case) -> None:
    documents = [np.array(document) for document in case["documents"]]
    found = [max_sim(np.array(query), documents) for query in case["queries"]]
    assert np.allclose(found, case["each_alone"], atol=1e-5)


def test_options_of_images_need_images_to_be_read() -> None:
    with pytest.raises(ConfigError, match="are for images: read"):
        Reranker(method="late-interaction", model="m", max_pixels=10_000)
