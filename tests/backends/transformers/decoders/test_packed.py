"""Decoders read packed give what their own forward gives, and are read by that wherever they might not."""

import logging

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

SHAPE = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}


def network(kind, dtype="float32", head="ForCausalLM", **more):
    """A small network with random weights, in which every part matters."""
    import torch
    import transformers

    torch.manual_seed(0)
    made = getattr(transformers, f"{kind}{head}")(getattr(transformers, f"{kind}Config")(**SHAPE, **more)).eval()
    for values in made.parameters():
        values.data.normal_(1 if values.ndim == 1 else 0, 0.1)
    return made.to(getattr(torch, dtype))


def causal(made, **options):
    from swaprank.backends.transformers.causal import CausalNetwork

    return CausalNetwork(made, **options)


def scored(reader, prompts, forced, batch_tokens=16384):
    import torch

    found = {}

    def use(places, batch) -> None:
        for row, place in enumerate(places):
            found[place] = (batch.logits[row], batch.forced_logprobs[row])

    with torch.inference_mode():
        reader.score(prompts, forced, batch_tokens, use)
    return [found[place] for place in range(len(prompts))]


def plain(reader, prompts, forced):
    import torch

    found = []
    with torch.inference_mode():
        for prompt, after in zip(prompts, forced, strict=True):
            logits = reader._plain([*prompt, *after], len(after) + 1)
            logprobs = logits.log_softmax(-1)
            found.append((logits[-1], tuple(float(logprobs[step, token]) for step, token in enumerate(after))))
    return found


COMMON = [7, 8, 9] * 20
PROMPTS = [[*COMMON, *range(10, 10 + length)] for length in (1, 5, 200, 64, 65)] + [[3], [4, 5]]
FORCED = [(), (1, 2, 3), (9,), (), (2, 2), (), (6, 7)]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Llama", {}),
        ("Llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}, "mlp_bias": True}),
        ("Mistral", {"sliding_window": None}),
        ("Qwen2", {}),
        ("Qwen3", {"head_dim": 32}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"prefix_caching": False}])
def test_known_architectures_give_the_same(kind, more, options) -> None:
    reader = causal(network(kind, **more), **options)
    assert reader._packed is not None
    for batch_tokens in (16384, 1):
        found = scored(reader, PROMPTS, FORCED, batch_tokens)
        for (logits, forced), (expected, own) in zip(found, plain(reader, PROMPTS, FORCED), strict=True):
            assert logits.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
            assert forced == pytest.approx(own, abs=1e-5)


def test_sixteen_bits_give_the_same_but_for_rounding() -> None:
    reader = causal(network("Qwen3", "bfloat16", head_dim=32))
    assert reader._packed is not None
    for (found, _), (expected, _) in zip(scored(reader, PROMPTS, FORCED), plain(reader, PROMPTS, FORCED), strict=True):
        assert float((found - expected).square().mean().sqrt()) < 0.03 * float(expected.std())


def test_heads_of_classifiers_and_embedders_are_read() -> None:
    import torch

    for head in (None, torch.nn.Identity()):
        made = network("Llama", head="ForSequenceClassification", num_labels=2)
        reader = causal(made, head=made.score if head is None else head)
        assert reader._packed is not None
        nothing = [()] * len(PROMPTS)
        for (found, _), (expected, _) in zip(
            scored(reader, PROMPTS, nothing), plain(reader, PROMPTS, nothing), strict=True
        ):
            assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_equal_prompts_in_one_batch_tie() -> None:
    reader = causal(network("Llama"))
    one, other, _ = scored(reader, [PROMPTS[2], PROMPTS[2], PROMPTS[3]], [(), (), ()])
    assert one[0].tolist() == other[0].tolist()


@pytest.mark.parametrize("kind", ["Gemma", "GPTNeoX"])
def test_unknown_architectures_are_read_by_their_own_forward(kind, caplog) -> None:
    caplog.set_level(logging.DEBUG, logger="swaprank")
    made = network(kind, **({"head_dim": 16} if kind == "Gemma" else {}))
    reader = causal(made)
    assert reader._packed is None
    assert caplog.text.count("its architecture is not known") == 1
    assert len(scored(reader, PROMPTS, FORCED)) == len(PROMPTS)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_network_that_computes_something_else_is_read_by_its_own_forward(dtype, caplog) -> None:
    caplog.set_level(logging.DEBUG, logger="swaprank")
    made = network("Llama", dtype)
    made.model.layers[1].register_forward_hook(lambda _, __, output: output * 1.2)
    assert causal(made)._packed is None
    assert "packed, its logits are" in caplog.text


def test_a_network_without_the_parts_is_read_by_its_own_forward() -> None:
    made = network("Llama")
    made.model.layers[2].self_attn.o_proj = None
    with pytest.raises(TypeError):
        made(input_ids=made.model.embed_tokens.weight.new_ones(1, 3).long())
    assert causal(made)._packed is None


def test_prompts_longer_than_a_window_are_read_by_the_networks_own_forward() -> None:
    reader = causal(network("Mistral", sliding_window=150))
    assert reader._packed is not None and reader._packed.longest == 150
    long = [list(range(1, 151)), list(range(1, 201))]
    for (found, _), (expected, _) in zip(scored(reader, long, [(), ()]), plain(reader, long, [(), ()]), strict=True):
        assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert causal(network("Mistral", sliding_window=16))._packed is None
