"""Parity of the methods that write text first, and of DeAR's classifier: prompts, parsers, probabilities, scores."""

import math

import pytest

from swaprank import BackendError, ConfigError, Passage, Query, Reranker, ScoreKind
from swaprank.methods import dear_pointwise, erank, judgerank, rank1
from swaprank.prompt import plain
from swaprank.requests import Generate, Generated, LabelLogprobs, LabelScores, SequenceLogprob
from swaprank.testing import ScriptedBackend
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, INPUTS, case_id, requests, rerank, same_text, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

ERANK = golden("erank")
RANK1 = golden("rank1")
JUDGERANK = golden("judgerank")
DEAR = golden("dear-pointwise")


def repeated(output) -> str:
    if isinstance(output, str):
        return output
    before, unit, times, after = output["repeat"]
    return before + unit * times + after


def prompt_text(request, own) -> str:
    """The prompt as the tokenizer sees it."""
    prompt = own.cut(request.prompt)
    return own.template.text(prompt) if hasattr(prompt, "messages") else plain(prompt)


def local(model, **options):
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    return TransformersBackend(str(MODELS / model), TransformersOptions(dtype="float32", device="cpu", **options))


class TestERank:
    """Score = integer times probability."""

    @pytest.mark.parametrize("case", [case for case in ERANK["cases"] if case["input"] in INPUTS], ids=case_id)
    def test_prompts_and_scripted_answers(self, case) -> None:
        method = erank.METHOD(instruction=case["instruction"], truncate_length=case["truncate_length"])
        own, model = tokens(ERANK["model"]), local(ERANK["model"])
        asked = requests(case, method)
        assert all(
            same_text(prompt_text(request, own), recorded)
            for request, recorded in zip(asked, case["prompts"], strict=True)
        )
        counts = [len(own.encode(request.prompt).ids) for request in asked]
        assert counts == case["prompt_token_counts"]

        said = iter(case["raw"]["continuations"])

        def answer(request):
            text = next(said)
            [score] = model.run([SequenceLogprob(request.prompt, text)])
            ids = own.continuation(text)
            pieces = [own.tokenizer.decode([token]) for token in ids]
            assert "".join(pieces) == text
            return Generated(text, tuple(pieces), score.logprobs)

        config = {
            "method": "erank",
            "model": "any",
            "instruction": case["instruction"],
            "truncate_length": case["truncate_length"],
            "empty_passages": "score",
        }
        given = INPUTS[case["input"]]
        texts = [document["text"] for document in given["documents"]]
        ranking = Reranker(config, backend=ScriptedBackend(answer)).rerank(given["query"], texts)
        assert ranking.scores == pytest.approx(case["scores"], rel=3e-4, abs=1e-12)
        assert ranking.order == case["order"]
        assert ranking.repairs == case["raw"]["integers"].count(None)
        assert {one.index: one.reasoning for one in ranking.passages} == {
            place: text.strip() or None for place, text in enumerate(case["raw"]["continuations"])
        }

    @pytest.mark.parametrize("case", ERANK["generated_cases"], ids=case_id)
    def test_generation(self, case) -> None:
        options = {"max_tokens": case["max_new_tokens"], "truncate_length": case["truncate_length"]}
        ranking = rerank(case, "erank", ERANK["model"], **options)
        assert ranking.scores == pytest.approx(case["scores"])
        assert ranking.order == case["order"]
        asked = requests(case, erank.METHOD(**options))
        written = local(ERANK["model"]).run(asked)
        for answer, recorded in zip(written, case["raw"], strict=True):
            assert answer.text == recorded["text"]
            assert answer.logprobs == pytest.approx(recorded["token_logprobs"], abs=1e-4)
            assert "".join(answer.tokens) == answer.text

    @pytest.mark.parametrize("case", ERANK["parser_cases"], ids=lambda case: repeated(case["output"])[-30:])
    def test_parser(self, case) -> None:
        found = erank.find_integer(repeated(case["output"]))
        assert (found and found[0]) == case["integer"]

    def test_ten_takes_the_probability_of_all_its_tokens(self) -> None:
        answer = Generated("<answer>10</answer>", ("<answer>", "1", "0", "</answer>"), (-9.0, -0.25, -0.5, -9.0))
        ranking = Reranker({"method": "erank", "model": "any"}, backend=ScriptedBackend(lambda _: answer)).rerank(
            "q", ["p"]
        )
        assert ranking.scores == pytest.approx([10 * 2.718281828459045**-0.75])

    def test_without_logprobs_the_integer_stands_and_it_is_said(self, caplog) -> None:
        backend = ScriptedBackend(lambda _: Generated("<answer>7</answer>"))
        assert Reranker({"method": "erank", "model": "any"}, backend=backend).rerank("q", ["p"]).scores == [7.0]
        assert "no log-probabilities" in caplog.text

    @pytest.mark.parametrize("case", ERANK["hybrid_cases"], ids=lambda case: f"{case['rank']}-{case['alpha']}")
    def test_fusion_with_the_first_stage(self, case, monkeypatch) -> None:
        """The first is the model card's example: it gives 1.18, -1.19, 0.01."""
        from swaprank.backends.transformers.backend import TransformersBackend

        def answer(score: float) -> Generated:
            digits = str(math.ceil(score))
            probability = score / math.ceil(score) if score else 0.5
            tokens = ("<answer>", digits, "</answer>")
            return Generated("".join(tokens), tokens, (-1.0, math.log(probability), -1.0))

        answers = [answer(score) for score in case["rank"]]
        monkeypatch.setattr(TransformersBackend, "run", lambda self, requests: answers)
        passages = [Passage(str(place), score=score) for place, score in enumerate(case["first_stage"])]
        config = {"fusion": "z-score", "alpha": case["alpha"], "of": ["retrieval", {"method": "erank", "model": "any"}]}
        ranking = Reranker(config).rerank("q", passages)
        assert ranking.scores == pytest.approx(case["hybrid"], abs=1e-6)
        assert [round(score, 2) for score in ranking.scores] == case["hybrid_rounded_2"]


class TestRank1:
    """Score = probability of true among true and false."""

    @pytest.mark.parametrize("case", RANK1["cases"], ids=case_id)
    def test_generation_and_forcing(self, case) -> None:
        options = {"max_tokens": case["max_output_tokens"], "instruction": case["instruction"] or ""}
        if case["dataset_prompt"]:
            options["dataset_prompt"] = case["dataset_prompt"]
        asked = requests(case, rank1.METHOD(**options))
        for request, recorded in zip(asked, case["prompts"], strict=True):
            assert same_text(plain(request.prompt), recorded)
        # The official context is 16,000 tokens; the tiny model's config says 8,192.
        ranking = rerank(case, "rank1", RANK1["model"], backend={"max_model_len": 16000}, **options)
        assert not any(raw["complete"] for raw in case["raw"])
        assert ranking.repairs == len(case["raw"])
        assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
        assert ranking.order == case["order"]
        texts = {one.index: one.reasoning for one in ranking.passages}
        assert texts == {place: raw["text"].strip() for place, raw in enumerate(case["raw"])}

    @pytest.mark.parametrize("case", RANK1["parser_cases"], ids=lambda case: repeated(case["output"])[:20])
    def test_parser(self, case) -> None:
        model = local(RANK1["model"], max_model_len=16000)
        given = case["last_token_logprobs"] or {}
        last = (given.get("true", -30.0), given.get("false", -30.0))
        forced = []

        def answer(request):
            if isinstance(request, Generate):
                return Generated(
                    repeated(case["output"]), ending="stop" if case["complete"] else "length", watched=last
                )
            forced.append(plain(request.prompt))
            return model.run([request])[0]

        backend = ScriptedBackend(answer)
        ranking = Reranker({"method": "rank1", "model": "any"}, backend=backend).rerank("q", ["p"])
        assert bool(forced) != case["complete"]
        if forced:
            assert same_text(forced[0], case["forced_prompt"])
        assert ranking.scores == pytest.approx([case["score"]], abs=5e-5)
        assert ranking.score_kind is ScoreKind.PROBABILITY

    def test_an_answer_cut_by_the_limit_is_forced_even_with_both_words_at_hand(self) -> None:
        """The official code takes it as complete when both words happen to be likely."""

        def answer(request):
            if isinstance(request, Generate):
                return Generated("It is true", ending="length", watched=(-0.1, -2.0))
            return LabelScores((-3.0, -0.1))

        backend = ScriptedBackend(answer)
        assert Reranker({"method": "rank1", "model": "any"}, backend=backend).rerank("q", ["p"]).scores[0] < 0.1
        assert isinstance(backend.requests[1], LabelLogprobs)

    @pytest.mark.parametrize(
        ("query", "instruction", "shown"),
        [
            (" q ", "", " q "),
            (" q ", "be strict ", "q  be strict"),
            (" same ", "same", "same"),
        ],
    )
    def test_the_query_is_stripped_only_where_there_is_an_instruction(self, query, instruction, shown) -> None:
        [request] = next(rank1.METHOD(instruction=instruction).steps(Query(query), [Passage("p")]))
        assert f"\nQuery: {shown}\nPassage: p\n" in plain(request.prompt)

    def test_every_place_of_the_dataset_prompt_takes_the_query(self) -> None:
        method = rank1.METHOD(dataset_prompt="FILL_QUERY_HERE? Again: FILL_QUERY_HERE.")
        [request] = next(method.steps(Query("who {passage} FILL_QUERY_HERE"), [Passage("p")]))
        asked = "who {passage} FILL_QUERY_HERE"
        assert f"Query: {asked}? Again: {asked}.\nPassage: p\n" in plain(request.prompt)
        assert [part.text for part in request.prompt if not isinstance(part, str)] == [asked, asked, "p"]

    def test_a_dataset_prompt_without_a_place_for_the_query_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="must contain FILL_QUERY_HERE"):
            Reranker({"method": "rank1", "model": "any", "dataset_prompt": "x"}, backend=ScriptedBackend(print))


class TestJudgeRank:
    """Analyses first, judgement last."""

    @pytest.mark.parametrize("case", JUDGERANK["cases"], ids=case_id)
    def test_three_steps(self, case) -> None:
        model, own = local(JUDGERANK["model"]), tokens(JUDGERANK["model"])
        asked: list = []

        def answer(request):
            asked.append(request)
            if case["scripted_analyses"] and isinstance(request, Generate):
                document = [part for part in request.prompt.messages[0].content if not isinstance(part, str)]
                if len(document) == 1:
                    return Generated("The query asks for one fact.")
                return Generated(f"<think>hm</think>\n First words: {document[2].text[:20]} \n")
            return model.run([request])[0]

        config = {"method": "judgerank", "model": "any", "empty_passages": "score"}
        config |= {"truncate_length": case["truncate_length"], "max_tokens": case["max_new_tokens"] or 16}
        given = INPUTS[case["input"]]
        texts = [document["text"] for document in given["documents"]]
        ranking = Reranker(config, backend=ScriptedBackend(answer)).rerank(given["query"], texts)
        count = len(texts)
        prompts = [prompt_text(request, own) for request in asked]
        assert same_text(prompts[0], case["prompts"]["query_analysis"])
        for step, found in (("document_analysis", prompts[1 : 1 + count]), ("judgement", prompts[1 + count :])):
            assert all(same_text(text, one) for text, one in zip(found, case["prompts"][step], strict=True))
        assert len(asked) == sum(case["calls"].values())
        assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
        assert ranking.order == case["order"]

    @pytest.mark.parametrize("case", JUDGERANK["parser_cases"], ids=lambda case: case["output"][:20])
    def test_parser(self, case) -> None:
        assert judgerank.clean(Generated(case["output"])) == case["analysis"]

    @pytest.mark.parametrize(
        ("analysis", "repairs"),
        [
            ("The core problem is cost.", 0),
            ("<think>hm</think>No.", 0),
            ("x", 0),
            ("", 3),
            ("<think>only</think> \n", 3),
            ("<think>never ends", 3),
            ("?! ... \u200b", 3),
            ("aaaaaaaaaa", 3),
            ("the the the the", 3),
        ],
    )
    def test_absurd_analyses_are_counted(self, analysis, repairs) -> None:
        """The query's analysis and that of each of two passages; judged they are all the same."""
        backend = ScriptedBackend(
            lambda request: Generated(analysis) if isinstance(request, Generate) else LabelScores((-0.1, -2.0))
        )
        ranking = Reranker({"method": "judgerank", "model": "any"}, backend=backend).rerank("q", ["a", "b"])
        assert (ranking.order, ranking.repairs) == ([0, 1], repairs)


class TestDear:
    """The raw logit at the last token of the pair."""

    @pytest.mark.parametrize("case", DEAR["cases"], ids=case_id)
    def test_simple_rerank(self, case) -> None:
        self.check(case, {"q_max_len": case["q_max_len"], "p_max_len": case["p_max_len"]})

    @pytest.mark.parametrize("case", DEAR["inference_py_cases"], ids=case_id)
    def test_inference(self, case) -> None:
        self.check(case, {"protocol": "inference", "q_max_len": case["q_max_len"], "p_max_len": case["p_max_len"]})

    def check(self, case, options) -> None:
        from swaprank.backends._tokens.pairs import encode_pairs

        # The adapter brings no tokenizer: it is the base's.
        folder = "tiny-llama3-lm" if case["model"].endswith("-lora") else case["model"]
        pairs = requests(case, dear_pointwise.METHOD(**options))
        encoded = encode_pairs(tokens(folder).quoting, pairs, [pair.max_length for pair in pairs])
        assert [pair.ids for pair in encoded] == case["prompts"]
        if case["model"].endswith("-lora"):
            pytest.importorskip("peft")
        ranking = rerank(case, "dear-pointwise", case["model"], **options)
        assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
        assert ranking.score_kind is ScoreKind.LOGIT
        assert ranking.order == sorted(case["order"], key=lambda index: (-case["scores"][index], index))

    @pytest.mark.parametrize("case", DEAR["title_cases"])
    def test_titles(self, case) -> None:
        from swaprank import Passage

        passages = [Passage(one["text"], title=one["title"]) for one in case["documents"]]
        config = {"method": "dear-pointwise", "model": str(MODELS / case["model"]), "backend": BACKEND}
        ranking = Reranker(config).rerank(case["query"], passages)
        assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)

    def test_an_adapter_without_a_head_is_refused(self, tmp_path) -> None:
        pytest.importorskip("peft")
        import json
        import shutil

        from safetensors.torch import load_file, save_file

        adapter = shutil.copytree(MODELS / "tiny-llama3-classifier-lora", tmp_path / "adapter")
        config = json.loads((adapter / "adapter_config.json").read_text())
        config |= {
            "modules_to_save": None,
            "task_type": None,
            "base_model_name_or_path": str(MODELS / "tiny-llama3-lm"),
        }
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        weights = {
            name: one for name, one in load_file(adapter / "adapter_model.safetensors").items() if "score" not in name
        }
        (adapter / "adapter_model.safetensors").unlink()
        save_file(weights, adapter / "adapter_model.safetensors")
        reranker = Reranker({"method": "dear-pointwise", "model": str(adapter), "backend": BACKEND})
        with pytest.raises((BackendError, ValueError), match=r"no trained weights for score\.weight"):
            reranker.rerank("q", ["p"])
