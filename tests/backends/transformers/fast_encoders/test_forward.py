"""The fast forward pass computes what transformers' own does, for every architecture that it knows."""

import logging
import random

import pytest

from swaprank.backends.transformers.fast_encoders import attention, linear, load
from swaprank.backends.transformers.fast_encoders.packing import pack

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 90,
    "max_position_embeddings": 400,
}
DEBERTA = {**SIZES, "relative_attention": True, "norm_rel_ebd": "layer_norm"}
NETWORKS = {
    "bert": ("Bert", SIZES),
    "bert, tanh": ("Bert", {**SIZES, "hidden_act": "gelu_new"}),
    "bert, relu": ("Bert", {**SIZES, "hidden_act": "relu"}),
    "roberta": ("Roberta", {**SIZES, "pad_token_id": 1}),
    "xlm-roberta": ("XLMRoberta", {**SIZES, "pad_token_id": 1}),
    "distilbert": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 90}),
    "modernbert": (
        "ModernBert",
        {**SIZES, "pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
        | {"num_hidden_layers": 3, "global_attn_every_n_layers": 2, "local_attention": 32},
    ),
    "deberta v3": (
        "DebertaV2",
        {**DEBERTA, "pos_att_type": "p2c|c2p", "position_buckets": 16, "share_att_key": True}
        | {"position_biased_input": False, "type_vocab_size": 0},
    ),
    "deberta v2": ("DebertaV2", {**DEBERTA, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 2}),
}


def network(name, dtype=None, **changes):
    """A network whose weights are large enough for every part of it to matter."""
    kind, config = NETWORKS[name]
    torch.manual_seed(1)
    made = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**{**config, **changes}))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.15 if parameter.dim() > 1 else 0.05))
    return made.to(dtype or torch.float32).eval()


def own(made, texts, attended=None):
    """What the network's own pass makes of each text alone."""
    vectors = []
    for place, text in enumerate(texts):
        mask = torch.ones(1, len(text), dtype=torch.long)
        if attended is not None:
            mask[:, attended[place] :] = 0
        vectors.append(made(input_ids=torch.tensor([text]), attention_mask=mask).last_hidden_state[0])
    return vectors


def some_texts(*lengths):
    return [torch.randint(2, 90, (length,)).tolist() for length in lengths]


@pytest.fixture(params=[True, False], ids=["prepacked", "plain"])
def prepacked(request, monkeypatch):
    """Whether torch has the operators that keep weights in the kernels' layout."""
    if not request.param:
        monkeypatch.setattr(linear, "can_prepack", lambda dtype: False)
    elif not linear.can_prepack(torch.float32):
        pytest.skip("this torch lacks the operators")


@pytest.mark.parametrize("first_only", [True, False], ids=["first tokens", "all tokens"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_same_in_float32(name, first_only, prepacked) -> None:
    made = network(name)
    texts = some_texts(120, 60, 60, 58, 57, 9, 1)
    with torch.inference_mode():
        expected = own(made, texts)
        found = load.fast_encoder(made, name, first_only=first_only)(packed := pack(texts))
        rows = found if first_only else packed.split(found)
        for row, vectors in zip(rows, expected, strict=True):
            torch.testing.assert_close(row, vectors[0] if first_only else vectors, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_as_close_in_bfloat16_as_the_own_pass_is(name) -> None:
    texts = some_texts(120, 60, 60, 58, 57, 9, 1)
    with torch.inference_mode():
        exact = torch.cat(own(network(name), texts))
        rough = torch.cat(own(network(name, torch.bfloat16), texts)).float()
        packed = pack(texts)
        fast = load.fast_encoder(network(name, torch.bfloat16), name, first_only=False)
        found = torch.cat(packed.split(fast(packed))).float()
    assert (found - exact).norm() < 1.5 * (rough - exact).norm()


@pytest.mark.parametrize("name", ["bert", "roberta", "modernbert"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_tokens_that_are_not_attended_to_have_vectors_and_change_no_others(name, dtype) -> None:
    made = network(name, dtype)
    texts, attended = some_texts(40, 40, 39, 8), [6, 40, 20, 8]
    with torch.inference_mode():
        expected = own(made, texts, attended)
        fast = load.fast_encoder(made, name, first_only=False)
        packed = pack(texts, attended=attended)
        found = packed.split(fast(packed))
    for row, vectors in zip(found, expected, strict=True):
        assert (row - vectors).norm() < (1e-5 if dtype is torch.float32 else 0.05) * vectors.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_what_fills_a_text_up_need_not_see_it(dtype) -> None:
    made = network("modernbert", dtype, local_attention=2)
    texts = some_texts(60, 57)
    with torch.inference_mode():
        expected = own(made, texts)
        fast = load.fast_encoder(made, "modernbert", first_only=False)
        packed = pack(texts)
        assert [one.width for one in packed.segments] == [60]
        for row, vectors in zip(packed.split(fast(packed)), expected, strict=True):
            assert (row - vectors).norm() < (1e-5 if dtype is torch.float32 else 0.05) * vectors.norm()


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "deberta v2"])
def test_a_text_of_all_positions_is_filled_up_without_more_of_them(name) -> None:
    made = network(name, max_position_embeddings=152 if name == "roberta" else 150)
    texts = some_texts(150, 149)
    with torch.inference_mode():
        expected = own(made, texts)
        fast = load.fast_encoder(made, name, first_only=False)
        packed = pack(texts)
        assert packed.segments[0].width == 152
        for row, vectors in zip(packed.split(fast(packed)), expected, strict=True):
            torch.testing.assert_close(row, vectors, rtol=1e-5, atol=1e-5)


def test_a_padding_token_in_a_text_takes_no_position() -> None:
    made = network("roberta")
    texts = [[5, 1, 7, 1, 9, 9], [5, 7]]
    with torch.inference_mode():
        expected = own(made, texts)
        fast = load.fast_encoder(made, "roberta", first_only=False)
        packed = pack(texts)
        for row, vectors in zip(packed.split(fast(packed)), expected, strict=True):
            torch.testing.assert_close(row, vectors, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("window", [None, 8])
def test_long_texts_are_computed_in_blocks(monkeypatch, dtype, window) -> None:
    sides = [torch.randn(2 * 90, 4, 16).to(dtype) for _ in range(3)]
    segments = pack(some_texts(90, 89)).segments
    whole = attention.attend(*sides, segments, 0.25, window)
    monkeypatch.setattr(attention, "_SCORES", 2 * 4 * 90 * 7)
    torch.testing.assert_close(attention.attend(*sides, segments, 0.25, window), whole)


def test_scores_that_no_exponential_can_hold_are_taken_apart_first() -> None:
    query, key, value = (torch.randn(50, 2, 16) for _ in range(3))
    segments = pack(some_texts(50)).segments
    expected = attention.attend(query * 60, key, value, segments, 1.0)
    found = attention.attend(*((side).bfloat16() for side in (query * 60, key, value)), segments, 1.0)
    assert torch.isfinite(found).all()
    assert (found.float() - expected).norm() < 0.2 * expected.norm()


def test_texts_of_similar_length_share_a_segment_and_waste_little() -> None:
    packed = pack(some_texts(300, 199, 60, 59, 58, 57, 56, 30, 30, 29))
    assert [(one.count, one.width) for one in packed.segments] == [
        (1, 304), (1, 200), (4, 60), (1, 56), (2, 30), (1, 30),
    ]  # fmt: skip
    assert packed.ids.numel() < 1.08 * sum(packed.lengths)
    assert packed.real.sum() == sum(packed.lengths)


def test_lists_of_all_lengths_have_few_shapes() -> None:
    drawn = random.Random(0)
    batches = [pack(some_texts(*sorted((drawn.randint(97, 512) for _ in range(14)), reverse=True))) for _ in range(100)]
    segments = {(one.count, one.width) for packed in batches for one in packed.segments}
    assert len({packed.ids.numel() for packed in batches}) < 30
    assert len({width for _, width in segments}) <= 36
    assert {count for count, _ in segments} <= {1, 2, 4, 8}
    assert all(packed.ids.numel() < 1.12 * sum(packed.lengths) for packed in batches)


def test_the_weights_exist_once_and_can_be_given_back(prepacked) -> None:
    made = network("bert")
    before = {name: value.clone() for name, value in made.state_dict().items()}
    layer = made.encoder.layer[0].attention.self
    fused = linear.Linear([layer.query, layer.key, layer.value])
    own_bytes = {id(one.weight.untyped_storage()): one.weight.untyped_storage().nbytes() for one in (layer.query,)}
    assert sum(own_bytes.values()) in (0, 3 * 32 * 32 * 4)
    fused.restore()
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


class TestFallback:
    def test_a_pass_that_differs_is_not_used_and_the_network_is_whole_again(self, monkeypatch, caplog) -> None:
        made = network("bert")
        ids = torch.tensor([[4, 5, 6]])
        with torch.inference_mode():
            before = made(input_ids=ids).last_hidden_state
            monkeypatch.setitem(linear.ACTIVATIONS, "gelu", ("relu", ""))
            assert load.fast_encoder(made, "some/model", first_only=True) is None
            assert torch.equal(made(input_ids=ids).last_hidden_state, before)
        [record] = caplog.records
        assert "'some/model' is run by transformers' own forward pass: the fast one differs by" in record.getMessage()

    @pytest.mark.parametrize(
        ("name", "changes", "reason"),
        [
            ("bert", {"hidden_act": "silu"}, "its activation is 'silu'"),
            ("bert", {"is_decoder": True}, "it is a decoder"),
            ("deberta v2", {"pos_att_type": ["c2p"]}, "its attention is"),
            ("deberta v2", {"conv_kernel_size": 3}, "it has a convolution"),
        ],
    )
    def test_what_a_config_asks_for_is_left_to_transformers(self, caplog, name, changes, reason) -> None:
        with caplog.at_level(logging.DEBUG, logger="swaprank"):
            assert load.fast_encoder(network(name, **changes), "some/model", first_only=True) is None
        assert [reason in record.getMessage() for record in caplog.records] == [True]

    @pytest.mark.parametrize("change", ["hook", "layer", "dtype", "class"])
    def test_a_network_that_somebody_changed_is_left_alone(self, caplog, change) -> None:
        made = network("bert")
        block = made.encoder.layer[0]
        if change == "hook":
            block.register_forward_hook(lambda *_: None)
        elif change == "layer":
            block.output.dense = type("LoraLinear", (torch.nn.Linear,), {})(48, 32)
        elif change == "dtype":
            made.half()
        else:
            made.__class__ = type("MyModel", (type(made),), {})
        with caplog.at_level(logging.DEBUG, logger="swaprank"):
            assert load.fast_encoder(made, "some/model", first_only=True) is None
        assert len(caplog.records) == 1

    def test_operators_that_err_are_not_used(self, monkeypatch) -> None:
        def broken():
            raise AttributeError("no such operator")

        monkeypatch.setattr(linear, "_operators", broken)
        linear.can_prepack.cache_clear()
        try:
            assert not linear.can_prepack(torch.float32)
        finally:
            linear.can_prepack.cache_clear()
