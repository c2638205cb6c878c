"""No encoder is named, and the default cannot be had: somebody at the terminal is asked for another."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from orchestrator.clients.pretraining import Wish
from orchestrator.encoder_folder import check_encoder
from orchestrator.outputs.report import visible
from orchestrator.pretrain_command import tell
from orchestrator.pretraining import places_of, pretrain
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.settings import RunSettings
from orchestrator.typed_lines import TypedLines
from protos.errors import ActiveLabelerError, InvalidInputError

_QUESTION = (
    "Type p to pre-train one on your images now (it takes a GPU, or patience), the path of a file or folder with an encoder,\n"
    "hog for outlines and colours, or q to end:"
)


def somebody_is_there(settings: RunSettings) -> bool:
    """Whether a person can be asked: at a terminal, and not by ``--auto``."""
    return not settings.auto.enabled and sys.stdin is not None and sys.stdin.isatty()


def other_encoder(settings: RunSettings, process: OrchestratorSettings) -> dict[str, str] | None:
    """Settings that name an encoder, as the person wants it; None where there shall be none.

    Raises:
        InvalidInputError, NotFoundError: when the images cannot be pre-trained on.
        UnavailableError: when the trainer is gone.
    """
    lines = TypedLines()
    while True:
        sys.stdout.write(f"{_QUESTION}\n")
        sys.stdout.flush()
        try:
            answer = lines.next().strip()
        except EOFError:
            return None
        if answer.lower() in ("q", "quit"):
            return None
        if answer.lower() == "hog":
            return {"encoder.builtin": "hog"}
        if answer.lower() == "p":
            return {"encoder.path": str(_pretrained(settings, process))}
        try:
            return _named(answer)
        except ActiveLabelerError as error:
            sys.stdout.write(f"{error}\n")


def _named(answer: str) -> dict[str, str]:
    if not answer:
        raise InvalidInputError("that was nothing")
    path = Path(answer).expanduser().absolute()
    if (path / "config.json").is_file():  # as the hub has them
        return {"encoder.model": str(path)}
    check_encoder(path)
    return {"encoder.path": str(path)}


def _pretrained(settings: RunSettings, process: OrchestratorSettings) -> Path:
    """The file of an encoder that learns from the images of the run; what was begun earlier goes on."""
    output = settings.output / "encoder.safetensors"
    again = (
        f"active-labeler pretrain --data {shlex.quote(str(settings.data))} --output {shlex.quote(str(output))}"
        f"{'' if settings.device == 'auto' else f' --device {settings.device}'}"
    )
    sys.stdout.write(
        f"Pre-training {visible(str(output))}. Ctrl-C stops it, and this goes on with it:\n  {visible(again)}\n"
    )
    sys.stdout.flush()
    wish = Wish(device=settings.device, threads=os.cpu_count() or 1)
    try:
        pretrain(places_of(settings.data, output, None), wish, process, tell)
    except KeyboardInterrupt:
        sys.stderr.write(f"Stopped; nothing is lost. Go on with\n  {visible(again)}\n")
        sys.exit(130)
    return output
