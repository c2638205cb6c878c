"""From a folder to vectors and neighbours: catalog, encoder, embedding, index."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from orchestrator.clients.embedder import publish_blocks, quarantined_items
from orchestrator.clients.refs import ArtifactRef, BlockRef, EncoderRef, GenerationRef
from orchestrator.crew import Crew
from orchestrator.embedding_calls import in_flight
from orchestrator.embedding_note import EmbeddingNote
from orchestrator.encoder_folder import encoder_file
from orchestrator.fixed_encoders import check_auto_choice
from orchestrator.model import Catalogued, Computing, Embedded
from orchestrator.outputs.quarantine import write_quarantine
from orchestrator.preparing import preparation_of
from orchestrator.publishing import publish
from orchestrator.rates import Embedding
from orchestrator.run import Run
from orchestrator.sources.listing import list_source
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, NotFoundError
from services.common.catalog import write_catalog

_TRIED = 64  # images on which the ways to compute are compared
_READ = 32  # images on which the ways to decode are compared


class NoEncoderError(NotFoundError):
    """No encoder is named, and the default cannot be had."""


def list_data(run: Run) -> Catalogued:
    """Lists the images; `Unlabeled/` in the data folder is the data root, as in the original."""
    with run.telling("catalog") as words:
        source = list_source(run.settings.data, run.mirrors, run.reporter, tile=run.settings.tile)
        root, images = source.root, source.images
        with run.store.writing(f"catalogs/{run.id}.sqlite") as writing:
            write_catalog(writing.path, root, images)
        catalog = ArtifactRef.of(writing.artifact)
        with run.open_catalog(catalog) as published:  # by an earlier attempt, maybe, when the folder held other files
            count = len(published)
        words.append(", ".join([f"Listed {count} images in {root}", *source.notes]))
    return Catalogued(catalog=catalog, images=count)


def import_encoder(run: Run) -> EncoderRef:
    """The encoder of the settings, as an artifact; where none is named, the hub's default.

    Raises:
        NoEncoderError: when none is named, and the default cannot be had: what else there is to choose from.
        InvalidInputError: when rounds are to fine-tune an encoder that cannot be.
    """
    path = run.settings.encoder.path
    with run.telling("encoder") as words:
        checkpoint = (
            publish(run.store, encoder_file(path), "checkpoints", "checkpoint", "encoder.path") if path else None
        )
        preparation = preparation_of(run.store, run.settings.encoder)
        try:
            encoder, found = run.clients.embedder.import_encoder(run.id, checkpoint, run.settings, preparation)
        except (NotFoundError, ConflictError) as error:
            if run.settings.encoder.is_named:
                raise
            raise NoEncoderError(_choice(run.settings.data, error)) from error
        words.append(found.rstrip("."))
    check_auto_choice(run.settings, encoder)
    return encoder


def choose_computing(run: Run, catalogued: Catalogued, encoder: EncoderRef) -> Computing:
    """bf16 and OpenVINO where they change nothing to speak of, tried on images from all over the data set."""
    with run.telling("precision") as words:
        spread = _spread(catalogued, _TRIED)
        precision, backend, why = run.clients.embedder.choose_computing(
            run.id, encoder, catalogued.catalog, spread, run.settings
        )
        by = " by OpenVINO" if backend == "openvino" else ""
        words.append(f"The encoder computes in {precision}{by}: {why}")
    return Computing(precision=precision, backend=backend)


def settle_reading(run: Run, catalogued: Catalogued, encoder: EncoderRef) -> EncoderRef:
    """The encoder that reads files as the settings say: journalled, so that everything the run makes of it reads them alike."""
    said = run.settings.encoder
    began_before = "embed" in run.journal and "reading" not in run.journal
    if began_before or said.reads_as(encoder.decode, encoder.upright):
        return encoder
    return run.once("reading", EncoderRef, lambda: _choose_reading(run, catalogued, encoder))


def _choose_reading(run: Run, catalogued: Catalogued, encoder: EncoderRef) -> EncoderRef:
    with run.telling("reading") as words:
        spread = _spread(catalogued, _READ)
        settled, why = run.clients.embedder.choose_reading(run.id, encoder, catalogued.catalog, spread, run.settings)
        words.append(f"Images are decoded {settled.reading}: {why}")
    return settled


def _spread(catalogued: Catalogued, count: int) -> list[int]:
    """Items from all over the data set."""
    spread: list[int] = np.unique(np.linspace(0, catalogued.images - 1, count).astype(np.int64)).tolist()
    return spread


def _choice(data: Path, error: Exception) -> str:
    """What to do where no encoder is named and the default is out of reach; an untrained network is never taken instead."""
    return (
        f"no encoder is named, and the default cannot be had: {error}.\nChoose one:\n"
        f"  active-labeler pretrain --data {shlex.quote(str(data))} --output encoder.safetensors   trains one on your images;"
        " then run --encoder encoder.safetensors\n"
        "  run --encoder FILE, or --encoder-model FOLDER   takes one that you have\n"
        "  run --set encoder.builtin=hog   takes outlines and colours, nothing learned"
    )


def embed_ahead(run: Run, catalogued: Catalogued, encoder: EncoderRef) -> None:
    """Embeds what is not embedded yet, for a step that comes later and finds it."""
    _embed_blocks(run, catalogued, encoder, lambda: None)


def embed(
    run: Run, catalogued: Catalogued, encoder: EncoderRef, meanwhile: Callable[[], None] = lambda: None
) -> Embedded:
    """Embeds what is not embedded yet, builds a generation of vectors and neighbours, and puts its index into the runtime folder.

    Args:
        meanwhile: called now and then.

    Raises:
        Stopped: when the run is stopped meanwhile; what is embedded by then stays.
    """
    with run.telling("embed") as words:
        blocks, devices = _embed_blocks(run, catalogued, encoder, meanwhile)
        reasons = quarantined_items(run.store, blocks)
        with run.open_catalog(catalogued.catalog) as catalog:
            write_quarantine(run.folder.quarantine, {catalog.row(item).path: why for item, why in reasons.items()})
        words.append(f"Embedded {catalogued.images - len(reasons)} images with {encoder.architecture}")
        if run.settings.device.startswith("cuda") and "cpu" in devices:
            run.reporter.invite(
                f"warning: device is {run.settings.device}, but there is no such GPU: the processor computes"
            )
        if reasons:
            words.append(f"and set {len(reasons)} aside that cannot be read, see {run.folder.quarantine}")
    with run.telling("index") as words:
        manifest = publish_blocks(run.store, blocks)
        generation = run.clients.index.build(
            run.id, catalogued.images, encoder.dim, manifest, run.settings.index, run.seed("index") % 2**31
        )
        words.append(f"Built an index with {generation.num_trees} trees over {encoder.dim} dimensions")
        put_index(run, generation)
    return Embedded(generation=generation, quarantined=len(reasons), blocks=manifest)


def put_index(run: Run, generation: GenerationRef) -> None:
    """`annoy_file.ann` in the runtime folder, where the original has it: a copy of the generation's index."""
    scratch = run.folder.path / ".annoy_file.ann.new"
    shutil.copyfile(run.store.open(generation.index.to(Artifact)), scratch)
    scratch.replace(run.folder.path / "annoy_file.ann")


def _embed_blocks(
    run: Run, catalogued: Catalogued, encoder: EncoderRef, meanwhile: Callable[[], None]
) -> tuple[list[BlockRef], set[str]]:
    """All blocks of the catalog, and the devices that made them. Calls in flight are spread over the replicas."""
    blocks: list[BlockRef] = []
    devices: set[str] = set()
    images = 0
    crew, note = Crew(run.in_flight, run.clients.embedders_at_work), EmbeddingNote(run.folder.path)
    with run.reporter.bar("Embedding", catalogued.images, "images") as bar:
        for found, device in in_flight(run, catalogued, encoder, crew):
            devices.add(device)
            blocks.extend(found)
            images += sum(block.rows for block in found)
            rates = crew.rates()
            bar.update(images, rates.words(catalogued.images - images), rates)
            note.update(Embedding(images, catalogued.images, rates))
            meanwhile()
    note.done()
    return blocks, devices
