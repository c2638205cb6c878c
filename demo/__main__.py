"""``make demo``: digits, an encoder, and a run of the loop. ``LABEL=web`` leaves the labeling to you.

The images and the encoder are made once; each run gets a folder of its own below ``demo-run/``.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import track

from demo.config import write_config
from demo.digits import WORDS, write_digits

FOLDER = Path(os.environ.get("DEMO_FOLDER", "demo-run")).absolute()
EPOCHS = 6
console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """Prepares what is missing, and becomes ``active-labeler run``."""
    wanted = os.environ.get("DIGIT", "three")
    if wanted not in WORDS:
        sys.exit(f"error: DIGIT is {wanted!r}; it takes one of {', '.join(WORDS)}")
    labels = os.environ.get("LABEL", "")
    if labels not in ("", "web"):
        sys.exit(f"error: LABEL is {labels!r}; it takes web, or nothing for simulated labels")
    by_person = labels == "web"
    data, checkpoint = FOLDER / "Dataset", FOLDER / "SIMCLR_digits.ckpt"
    images = prepare_images(data / "Unlabeled")
    prepare_encoder(images, checkpoint)
    config = write_config(
        next_run(FOLDER),
        data=data,
        checkpoint=checkpoint,
        reference=min(images.glob(f"*_{wanted}.png")),
        pos_class=wanted,
        simulate=not by_person,
    )
    label(config, wanted, by_person)


def prepare_images(folder: Path) -> Path:
    """The folder of images, written unless it is there."""
    if not folder.is_dir():
        unfinished = folder.with_name("unfinished")
        count = write_digits(unfinished)
        unfinished.rename(folder)
        console.print(f"Wrote {count} images of handwritten digits to {folder}")
    return folder


def prepare_encoder(images: Path, checkpoint: Path) -> None:
    """Trains the encoder unless it is there."""
    if checkpoint.is_file():
        return
    import torch

    from demo.encoder import read_images, save, train

    torch.set_num_threads(1)
    bar = iter(track(range(EPOCHS), "Training a small encoder without labels", console=console))
    next(bar)
    encoder = train(read_images(images), EPOCHS, tell=lambda _epoch: next(bar, None))
    save(encoder, checkpoint)
    console.print(f"Trained an encoder without labels: {checkpoint}")


def next_run(folder: Path) -> Path:
    """The first of ``run-1``, ``run-2`` and so on that is not there yet."""
    number = 1
    while (folder / f"run-{number}").exists():
        number += 1
    return folder / f"run-{number}"


def label(config: Path, wanted: str, by_person: bool) -> NoReturn:
    """Becomes the command that runs the loop, in the folder of the configuration, where its results go."""
    options = ["run", "--config_path", config.name, "--auto"]
    if by_person:
        options += ["--rounds", "3", "--question", f"Is this a {wanted}?"]
    else:
        options += ["--rounds", "8", "--seed-count", "40", "--port", "0"]
    console.print(f"\nIn {config.parent}:\n  active-labeler {shlex.join(options)}\n", markup=False)
    os.chdir(config.parent)
    os.execv(Path(sys.executable).with_name("active-labeler"), ["active-labeler", *options])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
