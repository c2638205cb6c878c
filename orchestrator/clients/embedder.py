"""The embedder's client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import LONG_S, Caller
from orchestrator.clients.refs import ArtifactRef, BlockRef, EncoderRef
from orchestrator.encoder_settings import DEFAULT_MODEL
from orchestrator.settings import RunSettings
from protos import common_pb2, embedder_pb2
from protos.wire import from_vectors
from services.common.artifacts import ArtifactStore
from services.common.blocks import publish_manifest, read_block, read_manifest


@dataclass(frozen=True)
class Images:
    """How images are prepared for an encoder, as `Preprocessing` of the contract says it."""

    resize: int
    filter: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool


@dataclass(frozen=True)
class EncoderFacts:
    """What was found when an encoder was imported, as `EncoderDetails` of the contract says it."""

    layout: str
    prefix: str
    parameters: int
    left_aside: int
    preprocessing: Images
    size_assumed: bool


def _facts(details: embedder_pb2.EncoderDetails) -> EncoderFacts:
    said = details.preprocessing
    images = Images(said.resize, said.filter, said.scale, tuple(said.mean), tuple(said.std), said.bgr)
    return EncoderFacts(
        details.layout, details.prefix, details.parameters, details.left_aside, images, details.size_assumed
    )


class EmbedderClient:
    """Checkpoints to encoders, images to vectors."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def import_encoder(
        self, run: str, checkpoint: ArtifactRef | None, settings: RunSettings, preparation: ArtifactRef | None = None
    ) -> tuple[EncoderRef, str]:
        """The encoder in a checkpoint, of the hub, or a builtin one; and a sentence about what was found.

        Args:
            preparation: JSON that says how images are prepared for an ONNX file.
        """
        wanted = settings.encoder
        model = wanted.model if wanted.is_named else DEFAULT_MODEL
        request = embedder_pb2.ImportEncoderRequest(
            run=run,
            checkpoint=checkpoint.to(common_pb2.Artifact) if checkpoint else None,
            file_name=str(wanted.path or ""),
            builtin="" if checkpoint or model else wanted.builtin,
            model=model,
            image_size=wanted.image_size,
            expected_dim=wanted.dim,
            preparation=preparation.to(common_pb2.Artifact) if preparation else None,
        )
        answer = self._call(self._stub.ImportEncoder, request, LONG_S if model else 600)  # it may be downloaded
        return EncoderRef.of(answer.encoder), answer.found

    def import_file(
        self,
        run: str,
        checkpoint: ArtifactRef,
        file_name: str,
        image_size: int,
        preparation: ArtifactRef | None = None,
    ) -> tuple[EncoderRef, EncoderFacts]:
        """The encoder in a file, and what was found.

        Args:
            image_size: side of its input in pixels; 0: what the file says.
            preparation: JSON that says how images are prepared for an ONNX file.

        Raises:
            InvalidInputError: when the file is not understood, with what was seen.
        """
        request = embedder_pb2.ImportEncoderRequest(
            run=run,
            checkpoint=checkpoint.to(common_pb2.Artifact),
            file_name=file_name,
            image_size=image_size,
            preparation=preparation.to(common_pb2.Artifact) if preparation else None,
        )
        answer = self._call(self._stub.ImportEncoder, request, LONG_S)
        return EncoderRef.of(answer.encoder), _facts(answer.details)

    def choose_computing(
        self, run: str, encoder: EncoderRef, catalog: ArtifactRef, items: Sequence[int], settings: RunSettings
    ) -> tuple[str, str, str]:
        """fp32, bf16 or fp16, torch or openvino, by the vectors of up to 64 items; and why, in words.

        Raises:
            InvalidInputError, ConflictError: when OpenVINO is asked for and cannot be had.
        """
        said = settings.encoder
        request = embedder_pb2.ChoosePrecisionRequest(
            run=run,
            encoder=encoder.to(common_pb2.Encoder),
            catalog=catalog.to(common_pb2.Artifact),
            item=items,
            options=embedder_pb2.EmbedOptions(
                precision="" if said.precision == "auto" else said.precision,
                device=settings.device,
                decode=_decode(settings, encoder),
                backend=said.backend,
            ),
        )
        answer = self._call(self._stub.ChoosePrecision, request, 600)
        return str(answer.precision), str(answer.backend) or "torch", str(answer.why)

    def choose_reading(
        self, run: str, encoder: EncoderRef, catalog: ArtifactRef, items: Sequence[int], settings: RunSettings
    ) -> tuple[EncoderRef, str]:
        """The encoder that reads files as the settings say, by up to 64 items where they leave it open; and why, in words."""
        said = settings.encoder
        request = embedder_pb2.ChooseReadingRequest(
            run=run,
            encoder=encoder.to(common_pb2.Encoder),
            catalog=catalog.to(common_pb2.Artifact),
            item=items,
            decode=said.decode,
            rotation="" if said.rotation == "auto" else said.rotation,
            device=settings.device,
        )
        answer = self._call(self._stub.ChooseReading, request, 600)
        return EncoderRef.of(answer.encoder), str(answer.why)

    def embed_shard(
        self, run: str, encoder: EncoderRef, catalog: ArtifactRef, first: int, blocks: int, settings: RunSettings
    ) -> tuple[list[BlockRef], str, str]:
        """The embeddings of ``blocks`` blocks of 256 items from block ``first``, the device and the worker that made them."""
        request = embedder_pb2.EmbedShardRequest(
            run=run,
            encoder=encoder.to(common_pb2.Encoder),
            catalog=catalog.to(common_pb2.Artifact),
            first_block=first,
            blocks=blocks,
            options=_options(settings, encoder),
        )
        answer = self._call(self._stub.EmbedShard, request, LONG_S)
        return [BlockRef.of(block) for block in answer.blocks], answer.device, answer.worker

    def embed_image(
        self, run: str, encoder: EncoderRef, image: ArtifactRef, file_name: str, settings: RunSettings
    ) -> NDArray[np.float32]:
        """The embedding [1, dim] of a picture from outside the catalog."""
        request = embedder_pb2.EmbedImagesRequest(
            run=run,
            encoder=encoder.to(common_pb2.Encoder),
            images=[image.to(common_pb2.Artifact)],
            file_names=[file_name],
            options=_options(settings, encoder),
        )
        return from_vectors(self._call(self._stub.EmbedImages, request, 300).vectors)

    def embed_text(
        self, run: str, encoder: EncoderRef, phrases: Sequence[str], settings: RunSettings
    ) -> NDArray[np.float32]:
        """The embeddings float32 [n, dim] of n phrases, in the space of the encoder's images.

        Raises:
            InvalidInputError: when the encoder understands no text, or a phrase has no words.
        """
        request = embedder_pb2.EmbedTextRequest(
            run=run, encoder=encoder.to(common_pb2.Encoder), phrases=phrases, options=_options(settings, encoder)
        )
        return from_vectors(self._call(self._stub.EmbedText, request, 300).vectors)


def publish_blocks(store: ArtifactStore, blocks: Sequence[BlockRef]) -> ArtifactRef:
    """Publishes the manifest of all blocks of a catalog."""
    return ArtifactRef.of(publish_manifest(store, [block.to(embedder_pb2.Block) for block in blocks]))


def quarantined_items(store: ArtifactStore, blocks: Sequence[BlockRef]) -> dict[int, str]:
    """Item -> reason, of all images that could not be read."""
    reasons: dict[int, str] = {}
    for block in blocks:
        if block.quarantined:
            content = read_block(store.open(block.artifact.to(common_pb2.Artifact)))
            reasons.update({block.first_item + row: reason for row, reason in content.quarantined.items()})
    return reasons


def content_digests(store: ArtifactStore, manifest: ArtifactRef, rows: int) -> NDArray[np.uint8]:
    """SHA-256 of each image's content [rows, 32] uint8, from the blocks of a catalog; zero where it could not be read."""
    digests = np.zeros((rows, 32), dtype=np.uint8)
    for block in read_manifest(store.open(manifest.to(common_pb2.Artifact))):
        content = read_block(store.open(block.artifact))
        digests[block.first_item : block.first_item + block.rows] = content.sha256
    return digests


def block_names(store: ArtifactStore, manifest: ArtifactRef) -> set[str]:
    """The names of all blocks of a manifest; none where it is gone."""
    found = store.find(manifest.path)
    return {block.artifact.path for block in read_manifest(store.open(found))} if found else set()


def _decode(settings: RunSettings, encoder: EncoderRef) -> str:
    """Encoders say it themselves; in runs that began before they did, the setting is sent along."""
    return "scaled" if settings.encoder.decode == "scaled" != encoder.decode else ""


def _options(settings: RunSettings, encoder: EncoderRef) -> embedder_pb2.EmbedOptions:
    """What is left open is fp32, and the worker's choice of a back end: `Run.embedding` has what was chosen."""
    said = settings.encoder
    return embedder_pb2.EmbedOptions(
        precision="fp32" if said.precision == "auto" else said.precision,
        device=settings.device,
        decode=_decode(settings, encoder),
        backend=said.backend,
    )
