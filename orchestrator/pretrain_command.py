"""The options of ``active-labeler pretrain``, and what a person sees of it."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.clients.pretraining import Progress, Wish
from orchestrator.outputs.report import visible
from orchestrator.pretraining import places_of, pretrain
from orchestrator.service_settings import read_orchestrator_settings
from orchestrator.shares import percent

_MOST = 2**32 - 1  # what the contract's numbers hold
_DESCENT = "How it learns"


def _number(names: list[str], text: str, most: int = _MOST, panel: str = _DESCENT) -> Any:
    return typer.Option(*names, help=text, min=0, max=most, rich_help_panel=panel)


def command(
    data: Annotated[Path, typer.Option("--data", help="folder with the images (or with Unlabeled/ in it)")],
    output: Annotated[Path, typer.Option("--output", "-o", help="encoder file, for run --encoder")] = Path(
        "encoder.safetensors"
    ),
    method: Annotated[str, typer.Option("--method", help="simclr or simsiam")] = "simclr",
    architecture: Annotated[
        str, typer.Option("--architecture", help="resnet18, resnet50, or minicnnN with N outputs")
    ] = "resnet18",
    image_size: Annotated[int, _number(["--image-size"], "side in pixels", panel="Options")] = 64,
    epochs: Annotated[int, _number(["--epochs"], "at most")] = 100,
    patience: Annotated[
        int, _number(["--patience"], "end after so many epochs without a better monitor; 0: never")
    ] = 0,
    batch_size: Annotated[int, _number(["--batch-size"], "images a step")] = 256,
    lr: Annotated[
        float, typer.Option("--lr", help="for 256 images a batch; 0: the method's own", rich_help_panel=_DESCENT)
    ] = 0.0,
    weight_decay: Annotated[
        float, typer.Option("--weight-decay", help="-1: the method's own", rich_help_panel=_DESCENT)
    ] = -1.0,
    temperature: Annotated[float, typer.Option("--temperature", help="of simclr", rich_help_panel=_DESCENT)] = 0.2,
    seed: Annotated[int, _number(["--seed"], "of all that is drawn", 2**64 - 1)] = 0,
    precision: Annotated[
        str, typer.Option("--precision", help="fp32, bf16, or auto: bf16 where the device has it")
    ] = "auto",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")] = "auto",
    devices: Annotated[
        int,
        typer.Option("--devices", help="GPUs that train together; each batch is shared out", min=1, max=64),
    ] = 1,
    threads: Annotated[int, _number(["--threads"], "processor threads; 0: all", 4096, "Options")] = 0,
    work: Annotated[
        Path | None,
        typer.Option("--work", help="folder for what is needed to go on (OUTPUT.pretraining)", show_default=False),
    ] = None,
) -> None:
    """Train an encoder on your own images, without labels; stopped or killed, the same command goes on.

    The monitor is the share of held-out views whose nearest neighbour is the other view of the same image.
    """
    places = places_of(data, output, work)
    wish = Wish(
        method=method.strip().lower(),
        architecture=architecture.strip().lower(),
        image_size=image_size,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        temperature=temperature,
        patience=patience,
        seed=seed,
        precision=precision.strip().lower(),
        device=device,
        threads=threads or os.cpu_count() or 1,
        devices=devices,
    )
    try:
        done = pretrain(places, wish, read_orchestrator_settings(), tell)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing is lost. The same command goes on.\n")
        sys.exit(130)
    aside = f"; {done.unreadable:,} could not be read" if done.unreadable else ""
    sys.stdout.write(
        f"Pre-trained {architecture} on {done.images:,} images{aside}: {visible(str(output))}\n"
        f"Use it with `active-labeler run --encoder {visible(str(output))}`.\n"
    )


def tell(progress: Progress) -> None:
    """Prints a line of how far it is."""
    if progress.epoch == 0:
        line = f"read {progress.images + progress.unreadable:,} of {progress.listed:,} images"
    else:
        line = f"epoch {progress.epoch} of {progress.epochs}: loss {progress.loss:.3f}, monitor {percent(progress.neighbours, 1)}"
        each = progress.seconds / progress.epoch
        left = math.ceil(each * (progress.epochs - progress.epoch) / 60)
        line += f", {each:.1f} s an epoch, at most {left} min to go"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
