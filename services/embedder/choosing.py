"""How an encoder may compute: in bf16 or fp16, and by OpenVINO, only where vectors stay what they are on images of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from protos.errors import InvalidInputError
from services.common.catalog import Catalog
from services.common.encoders.spec import EncoderSpec, OnnxSpec
from services.embedder.backends import AUTO, OPENVINO, TORCH
from services.embedder.comparing import Trial
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass

FEWEST_COSINE = 0.9999
MOST_ITEMS = 64
WORTH_IT = 1000  # images: for fewer, the seconds that OpenVINO takes to begin are not earned back
_UNREADABLE = "none of the images that were tried can be read"
_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16")


@dataclass(frozen=True)
class Asked:
    """What is settled, and what is left open.

    Attributes:
        precision: "fp32", "bf16" or "fp16"; "": to be chosen.
        backend: "torch", "openvino", or "auto": to be chosen.
        decode: "exact" or "scaled"; "": as the encoder says.
    """

    precision: str = ""
    backend: str = TORCH
    decode: str = ""


@dataclass(frozen=True)
class Choice:
    """What an encoder computes in, and by what.

    Attributes:
        precision: "fp32", "bf16" or "fp16".
        cosine: the least to PyTorch's fp32, over the images; not-a-number where it was not measured.
        why: in words.
        backend: "torch" or "openvino".
    """

    precision: str
    cosine: float
    why: str
    backend: str = TORCH


def choose(
    catalog: Catalog,
    items: Sequence[int],
    encoder: LoadedEncoder,
    faster: Callable[[], LoadedEncoder],
    forward: ForwardPass,
    asked: Asked,
) -> Choice:
    """bf16 (or fp16) and OpenVINO where the device has them and all vectors keep a cosine of at least 0.9999 to fp32.

    OpenVINO was faster wherever it was measured (docs/benchmarks.md), so that it is taken without a clock: the same run always
    chooses the same. Where it is left open, both back ends must keep the precision: workers without OpenVINO may help.

    Args:
        items: up to 64 rows of the catalog; those that cannot be read are left out.
        encoder: as PyTorch computes it.
        faster: gives the encoder as ``asked.backend`` says.
        asked: what is settled, and what is open.

    Raises:
        InvalidInputError: for too many items, or one that the catalog does not have; when OpenVINO is asked for and computes
            other vectors, or cannot compute the encoder.
        ConflictError: when it is asked for and not installed, or the device is a GPU.
    """
    if len(items) > MOST_ITEMS or any(item >= len(catalog) for item in items):
        raise InvalidInputError(
            f"{len(items)} items of {len(catalog)} images cannot be compared; send up to {MOST_ITEMS} that there are"
        )
    trial = Trial(catalog, items, encoder, forward, asked.decode)
    if asked.backend == OPENVINO:
        return _by_openvino(trial, faster(), asked)
    chosen = Choice(asked.precision, np.nan, "as it was asked for") if asked.precision else _precision(trial)
    if asked.backend != AUTO or len(catalog) < WORTH_IT:
        return chosen
    other = faster()
    if other.backend == TORCH or not trial.pixels:
        return chosen
    cosine = trial.cosine(other, chosen.precision)
    if cosine < FEWEST_COSINE:
        return Choice(chosen.precision, chosen.cosine, f"{chosen.why}; OpenVINO's {_told(cosine, trial)}")
    return Choice(chosen.precision, cosine, _told(cosine, trial), OPENVINO)


def _by_openvino(trial: Trial, encoder: LoadedEncoder, asked: Asked) -> Choice:
    """The fastest precision in which OpenVINO keeps the vectors."""
    if not trial.pixels:
        return Choice(asked.precision or "fp32", np.nan, _UNREADABLE, OPENVINO)
    open_ = ("bf16", "fp32") if has_bf16(encoder.device) else ("fp32",)
    cosine = 0.0
    for precision in (asked.precision,) if asked.precision else open_:
        cosine = trial.cosine(encoder, precision)
        if cosine >= FEWEST_COSINE:
            return Choice(precision, cosine, _told(cosine, trial), OPENVINO)
    raise InvalidInputError(
        f"encoder.backend is openvino, but its vectors have a {_told(cosine, trial)} of PyTorch; set encoder.backend to torch"
        f"{', or encoder.precision to fp32' if asked.precision == 'bf16' else ''}"
    )


def _precision(trial: Trial) -> Choice:
    """bf16, or fp16 on a GPU that is older than bf16, where PyTorch keeps the vectors in it."""
    spec, device = trial.encoder.spec, trial.encoder.device
    if not _gains(spec):
        return Choice("fp32", np.nan, f"{spec.architecture} computes in fp32")
    fast = fast_precision(device)
    if fast is None:
        return Choice("fp32", np.nan, f"{device.type} has no bf16 of its own")
    if not trial.pixels:
        return Choice("fp32", np.nan, _UNREADABLE)
    cosine = trial.cosine(trial.encoder, fast)
    return Choice(fast if cosine >= FEWEST_COSINE else "fp32", cosine, _told(cosine, trial))


def _told(cosine: float, trial: Trial) -> str:
    good = cosine >= FEWEST_COSINE
    return f"cosine to fp32 {'at least' if good else 'down to'} {cosine:.6f} on {len(trial.pixels)} images"


def fast_precision(device: torch.device) -> str | None:
    """ "bf16" where the device has it of its own; "fp16" on GPUs before it that multiply matrices in fp16 (from Volta on).

    Older ones have fp16, but compute slower in it than in fp32.
    """
    if has_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 7 else None


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 natively, and does not only imitate it."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in told.splitlines() if line.startswith(("flags", "Features"))), "")
    return not set(_CPU_FLAGS).isdisjoint(flags.split())


def _gains(spec: EncoderSpec) -> bool:
    return not isinstance(spec, OnnxSpec) and spec.architecture != "hog"
