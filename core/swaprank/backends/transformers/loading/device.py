"""Where a network runs, and in which number format it computes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def device(name: str) -> str:
    """The device of that name; for ``"auto"`` the accelerator, or the CPU where there is none."""
    import torch

    if name != "auto":
        return name
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator.type if accelerator is not None else "cpu"


def dtype(name: str, device: str, *, half_safe: bool = True) -> torch.dtype:
    """The dtype of that name.

    ``"auto"`` is bfloat16 where the device computes in it at full speed: on accelerators, and on CPUs with AMX or
    AVX512-BF16. Elsewhere it is float32 on a CPU and float16 on an accelerator.

    Args:
        name: A name of torch, or ``"auto"``.
        device: Where the model runs, such as ``"cpu"`` or ``"cuda:1"``.
        half_safe: Whether the network survives the small range of float16; T5 does not.
    """
    import torch

    if name != "auto":
        found: torch.dtype = getattr(torch, name)
        return found
    if device.startswith("cpu"):
        return torch.bfloat16 if _fast_bfloat16() else torch.float32
    # Before Ampere CUDA only emulates bfloat16, many times slower.
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16 if half_safe else torch.float32
    return torch.bfloat16


def _fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware; no for a torch that cannot tell."""
    import torch

    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
