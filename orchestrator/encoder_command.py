"""``active-labeler encoder import``: a file from elsewhere to a folder with safetensors and JSON, by the embedder."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.clients.embedder import EmbedderClient, EncoderFacts, Images
from orchestrator.clients.refs import EncoderRef
from orchestrator.encoder_folder import WEIGHTS, check_free, encoder_file, write_folder
from orchestrator.one_service import one_service
from orchestrator.outputs.report import visible
from orchestrator.preparing import published_beside
from orchestrator.publishing import publish
from orchestrator.service_settings import read_orchestrator_settings
from protos.embedder_pb2_grpc import EmbedderStub
from protos.errors import InvalidInputError

app = typer.Typer(help="Encoders from elsewhere: look into a file, and bring it into a form that is safe to keep.")


@app.callback()
def _group() -> None:
    """So that `import` stays a word of its own while it is the only command."""


@app.command("import")
def command(
    file: Annotated[
        Path, typer.Argument(help="checkpoint of a self-supervised encoder or classifier (.ckpt, .pt), or an ONNX file")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="folder for encoder.safetensors and encoder.json")
    ] = Path("encoder"),
    image_size: Annotated[
        int,
        typer.Option(
            "--image-size",
            min=0,
            max=4096,
            help="side in pixels that it was trained with; 0: what the file says, else the usual",
        ),
    ] = 0,
) -> None:
    """Show what encoder is in a file, and write it as safetensors and JSON; nothing in the file is ever executed.

    The folder is for `run --encoder`. What is not understood is refused, with what was seen.
    """
    check_free(output)
    if file.is_dir() and not encoder_file(file).is_file():
        raise InvalidInputError(
            f"{file} is a folder; give a file. A model folder of the hub is used as it is: run --encoder-model {file}"
        )
    with tempfile.TemporaryDirectory(prefix="active-labeler-import-") as work:
        place = Path(work)
        cpu = {"ACTIVE_LABELER_DEVICE": "cpu", "ACTIVE_LABELER_VERBOSE": "false"}
        with one_service("embedder", place / "store", place / "logs", read_orchestrator_settings(), cpu) as service:
            source = publish(service.store, encoder_file(file), "checkpoints", "checkpoint", "FILE")
            client = EmbedderClient(EmbedderStub(service.channel), service.call)
            preparation = published_beside(service.store, encoder_file(file))
            encoder, facts = client.import_file("encoder-import", source, file.name, image_size, preparation)
            about = {"source": {"name": file.name, "sha256": source.sha256}, **_about(encoder), **asdict(facts)}
            write_folder(output, service.store, encoder.artifact, about)
    sys.stdout.write(_told(file, encoder, facts))
    sys.stdout.write(
        f"Wrote {visible(str(output / WEIGHTS))} and its description.\n"
        f"Use it with `active-labeler run --encoder {visible(str(output))}`.\n"
    )


def _about(encoder: EncoderRef) -> dict[str, Any]:
    return {"architecture": encoder.architecture, "dim": encoder.dim, "image_size": encoder.image_size}


def _told(file: Path, encoder: EncoderRef, facts: EncoderFacts) -> str:
    where = f", under {facts.prefix!r}" if facts.prefix else ""
    aside = f"; {facts.left_aside} other tensors left aside" if facts.left_aside else ""
    lines = {
        "layout": f"{facts.layout}{where}{aside}",
        "architecture": f"{encoder.architecture}, {facts.parameters:,} numbers",
        "embedding": f"{encoder.dim} numbers for an image of {encoder.image_size} x {encoder.image_size} pixels",
        "preprocessing": _prepared(facts.preprocessing, encoder.image_size),
    }
    if facts.size_assumed:
        lines["size"] = (
            f"{encoder.image_size} is a guess, as the file names none: where it was trained with another one,"
            " say so with --image-size"
        )
    return f"{visible(str(file))}\n" + "".join(f"  {name:14}{visible(words)}\n" for name, words in lines.items())


def _prepared(images: Images, side: int) -> str:
    cut = f"the middle of the image, its shorter side at {images.resize} pixels,"
    shape = cut if images.resize else "the whole image"
    plain = images.scale == 1 and not any(images.mean) and set(images.std) == {1.0}
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (images.mean, images.std))
    colours = "bytes as they are" if plain else f"bytes times {images.scale:g}, less {mean}, by {std}"
    return f"{shape} to {side} x {side} ({images.filter}); {colours}, {'blue' if images.bgr else 'red'} first"
