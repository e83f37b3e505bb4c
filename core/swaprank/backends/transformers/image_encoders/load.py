"""Loading encoders that read images: which checkpoints are some, and what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._common.models import Runner
from ..loading.networks import check_torch, load_network, source_of
from .engine_checkpoints import ENGINE_CLASSES, load_engine_checkpoint
from .page_formats import PageFormat, PaliGemmaPages, QwenPages
from .pages import PageEncoder
from .two_towers import TwoTowers

if TYPE_CHECKING:
    from ..options import TransformersOptions


def image_text_encoder(model: str, options: TransformersOptions) -> Runner | None:
    """CLIP or SigLIP; None for a model of another kind.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The engine cannot run it.
    """
    source = source_of(model, options)
    loader = {"clip": "CLIPModel", "siglip": "SiglipModel"}.get(source.raw_config().get("model_type", ""))
    if loader is None:
        return None
    check_torch(model, options)
    network = load_network(source, options, loader)
    return TwoTowers(network, source.tokenizer(), source.image_processor(), model, options)


def page_encoder(model: str, options: TransformersOptions) -> Runner | None:
    """ColQwen2 or ColPali, in transformers' own format or in colpali-engine's; None for a model of another kind.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The engine cannot run it, or its adapter is none that can be merged.
    """
    source = source_of(model, options)
    config = source.raw_config()
    kind = config.get("model_type", "")
    loader = {"colqwen2": "ColQwen2ForRetrieval", "colpali": "ColPaliForRetrieval"}.get(kind)
    if loader is None and ENGINE_CLASSES.isdisjoint(config.get("architectures") or ()):
        return None
    check_torch(model, options)
    if loader is None:
        network, projection = load_engine_checkpoint(source, options)
    else:
        # Written before transformers 4.52, when the decoder of PaliGemma had its head within.
        moved = {r"^vlm\.language_model\.model\.": "vlm.language_model.", r"^vlm\.model\.": "vlm."}
        extra: dict[str, Any] = {"key_mapping": moved} if kind == "colpali" else {}
        whole: Any = load_network(source, options, loader, **extra)
        network, projection = whole.vlm, whole.embedding_proj_layer
    tokenizer = source.tokenizer()
    # The class that works on Pillow's pictures, also where torchvision is installed: both round differently.
    processor = source.image_processor()
    form: PageFormat
    if network.config.model_type == "paligemma":
        form = PaliGemmaPages(processor, network.config, model, tokenizer, starts=2 if loader is None else 1)
    else:
        form = QwenPages(processor, network.config, model)
    return PageEncoder(network, projection, tokenizer, form, model, options)
