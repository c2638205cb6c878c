"""Checkpoint, or model of the hub -> encoder artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from protos.common_pb2 import Artifact, Encoder
from protos.errors import ActiveLabelerError, InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.encoders.files import encoder_of, load_encoder, save_encoder
from services.common.encoders.hog import SIDE, Hog
from services.common.encoders.networks import build_encoder, build_network
from services.common.encoders.onnx_network import OnnxEncoder
from services.common.encoders.spec import (
    RESNETS,
    EncoderSpec,
    HubSpec,
    TimmSpec,
    fields_of,
    preprocessing_of,
    resized,
    spec_of,
)
from services.embedder.checkpoints.archives import read_archive
from services.embedder.checkpoints.modules import describe_root, image_size_in, named_tensors
from services.embedder.checkpoints.recognise import Recognised, read_weights, recognise
from services.embedder.found import Found
from services.embedder.hub.reading import find_model, read_model
from services.embedder.hub.timm_models import loaded
from services.embedder.onnx.preparing import Prepared
from services.embedder.onnx.reading import is_onnx, made, read_onnx

_VERSION = 2  # of how checkpoints are read: another one reads them again
_HUB_VERSION = 2  # of how models of the hub are read
_Encoder = tuple[nn.Module, EncoderSpec, Found]
BUILTINS = ("hog",)
IMAGE_SIZE_RESNET = 224  # what a checkpoint that does not say it is used with; the size of ImageNet
IMAGE_SIZE_MINICNN = (
    64  # the size that its adaptive pooling expects: 64 / 2 / 2 / 2 / 2 becomes 16 without stretching much
)


@dataclass(frozen=True)
class Wanted:
    """What to import.

    Attributes:
        checkpoint: the file; None with a builtin.
        file_name: as the user knows it.
        builtin: name of an encoder that needs no file.
        image_size: side of its input in pixels; 0: 224 for a ResNet, 64 for a miniCNN and for hog, or what a file of
            ours says.
        expected_dim: length of an embedding that the settings promise; 0: any.
        model: name at the hub, or a local folder in its format; "" with the others.
        preparation: JSON that says how images are prepared for an ONNX file; None: the file says it.
    """

    checkpoint: Artifact | None
    file_name: str = ""
    builtin: str = ""
    image_size: int = 0
    expected_dim: int = 0
    model: str = ""
    preparation: Artifact | None = None

    @property
    def name(self) -> str:
        """For error sentences."""
        return self.model or self.file_name or (self.checkpoint.path if self.checkpoint else self.builtin)


@dataclass(frozen=True)
class Imported:
    """An encoder artifact, what it is, and what was found."""

    encoder: Encoder
    spec: EncoderSpec
    found: Found
    parameters: int


def import_encoder(store: ArtifactStore, wanted: Wanted) -> Imported:
    """The encoder artifact of a checkpoint or model, and what was found; made once.

    Raises:
        InvalidInputError: when the file is not understood, or its encoder is not the expected one.
        NotFoundError, DamagedError: when the artifact is not there or not whole, or the model cannot be had.
        ConflictError: when it is a model of the hub, and ``transformers`` is not installed.
    """
    _check_request(wanted)
    source, read = _source(store, wanted)
    name = f"encoders/{digest_of(_VERSION, source, wanted.image_size)}"
    note, artifact = store.find(f"{name}.json"), store.find(f"{name}.safetensors")
    if note is None or artifact is None:
        network, spec, found = read()
        artifact, _ = store.once(f"{name}.safetensors", lambda path: save_encoder(path, network, spec))
        parameters = found.numbers or sum(tensor.numel() for tensor in network.state_dict().values())
        facts = {"spec": fields_of(spec), "found": asdict(found), "parameters": parameters}
        note = store.put(f"{name}.json", json.dumps(facts).encode())
    content = json.loads(store.open(note).read_bytes())
    spec = spec_of(content["spec"])
    _check_dim(wanted, spec)
    return Imported(encoder_of(artifact, spec), spec, Found(**content["found"]), int(content["parameters"]))


def _source(store: ArtifactStore, wanted: Wanted) -> tuple[str, Callable[[], _Encoder]]:
    """What the encoder is named by, and how to read it."""
    if not wanted.model:
        parts = [wanted.checkpoint.sha256 if wanted.checkpoint else wanted.builtin]
        parts += [wanted.preparation.sha256] if wanted.preparation else []
        return " ".join(parts), lambda: _read(store, wanted)
    model = find_model(wanted.model)
    return f"hub {_HUB_VERSION} {model.digest}", lambda: read_model(model, wanted.image_size)


def _check_request(wanted: Wanted) -> None:
    if wanted.model:
        if wanted.checkpoint is not None or wanted.builtin:
            other = wanted.file_name or wanted.builtin or "a checkpoint"
            raise InvalidInputError(f"both the model {wanted.model} and {other} are asked for; give only one")
        return
    if wanted.checkpoint is not None and wanted.builtin:
        raise InvalidInputError(f"both {wanted.name} and the builtin {wanted.builtin!r} are asked for; give only one")
    if wanted.checkpoint is None and wanted.builtin not in BUILTINS:
        asked = f"the builtin encoder {wanted.builtin!r} is not known" if wanted.builtin else "no encoder is given"
        raise InvalidInputError(f"{asked}; give a checkpoint, or one of: {', '.join(BUILTINS)}")


def _check_dim(wanted: Wanted, spec: EncoderSpec) -> None:
    if wanted.expected_dim not in (0, spec.dim):
        raise InvalidInputError(
            f"the encoder in {wanted.name} ({spec.architecture}) gives {spec.dim} numbers for an image, but"
            f" embedding_size is {wanted.expected_dim}; set it to {spec.dim}, or give another checkpoint"
        )


def _read(store: ArtifactStore, wanted: Wanted) -> _Encoder:
    if wanted.checkpoint is None:
        spec = EncoderSpec("hog", Hog.dim, wanted.image_size or SIDE)
        return build_network("hog", Hog.dim), spec, Found("Builtin encoder hog", "builtin")
    path = store.open(wanted.checkpoint)
    with path.open("rb") as file:
        start = file.read(9)
    if not _is_ours(start) and is_onnx(start, wanted.file_name):
        return _read_onnx(store, path, wanted)
    try:
        if wanted.preparation is not None:
            raise InvalidInputError("it is no ONNX file, and how images are prepared is said for these only")
        return (_read_ours if _is_ours(start) else _read_checkpoint)(path, wanted.image_size)
    except ActiveLabelerError as error:
        raise type(error)(
            f"the checkpoint {wanted.name} cannot be used: {error}; it takes SimCLR, SimSiam and classifier .ckpt files,"
            " .pt files of an encoder (resnet18, resnet50 or minicnn), and ONNX files"
        ) from error


def _read_onnx(store: ArtifactStore, path: Path, wanted: Wanted) -> _Encoder:
    preparation = store.open(wanted.preparation).read_bytes() if wanted.preparation else None
    try:
        return read_onnx(path.read_bytes(), preparation, wanted.image_size)
    except ActiveLabelerError as error:
        raise type(error)(f"the ONNX file {wanted.name} cannot be used: {error}") from error


def _is_ours(start: bytes) -> bool:
    """Safetensors begin with the length of a JSON header, in eight bytes of which the upper ones are zero."""
    return start[5:] == b"\0\0\0{"


def _read_ours(path: Path, image_size: int) -> _Encoder:
    spec, network = load_encoder(path)
    if isinstance(network, OnnxEncoder):  # it may come from anywhere
        own = spec
        network, spec = made(network.content(), Prepared(own.image_size, preprocessing_of(own)), image_size)
        spec = replace(spec, decode=own.decode, upright=own.upright)
    elif image_size not in (0, spec.image_size) and isinstance(spec, TimmSpec):
        network, spec = loaded(spec, network.get_submodule("model").state_dict(), image_size, {})
    elif image_size not in (0, spec.image_size) and isinstance(spec, HubSpec):
        weights = network.state_dict()
        spec = resized(spec, image_size)
        network = build_encoder(spec)  # places that a model has learned are read differently at another size
        network.load_state_dict(weights)
    spec = resized(spec, image_size)
    return (
        network,
        spec,
        Found(f"Encoder file of Active Labeler with {spec.architecture}", "encoder file of Active Labeler"),
    )


def _read_checkpoint(path: Path, image_size: int) -> _Encoder:
    root = read_archive(path)
    recognised = recognise(named_tensors(root))
    weights = read_weights(recognised)
    network = build_network(recognised.architecture, recognised.dim)
    network.load_state_dict(weights)
    default = IMAGE_SIZE_RESNET if recognised.architecture in RESNETS else IMAGE_SIZE_MINICNN
    known = image_size or image_size_in(root)
    spec = EncoderSpec(recognised.architecture, recognised.dim, known or default)
    return network, spec, _found(describe_root(root), recognised, size_assumed=not known)


def _found(layout: str, recognised: Recognised, size_assumed: bool) -> Found:
    where = f"under {recognised.prefix!r}" if recognised.prefix else "at its top"
    left = f", {recognised.others} other tensors left aside" if recognised.others else ""
    what = f"{layout} with {recognised.architecture} {where}{left}"
    return Found(what, layout, recognised.prefix, recognised.others, size_assumed=size_assumed)
