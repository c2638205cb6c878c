"""The options of ``active-labeler label``: the original swipe labeler's folder mode."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.commands import EVERYWHERE
from orchestrator.folder_labeling import Sorting, default_sides, sort_folder
from orchestrator.outputs.transfer import MODES
from orchestrator.reporting import TerminalReporter
from orchestrator.sorting_state import KEPT
from protos.errors import InvalidInputError
from services.common.telemetry import set_up_logging


def _option(*names: str, text: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, show_default=False, **more)


def command(
    folder: Annotated[
        Path | None, typer.Argument(help="folder with the images, nested or not", show_default=False)
    ] = None,
    path_for_unlabeled: Annotated[
        Path | None, _option("--path_for_unlabeled", text="the same, as the original names it")
    ] = None,
    batch_size: Annotated[
        int,
        _option("--batch_size", "--batch-size", text="images until the page stops for a breath (5)", min=1, max=1000),
    ] = 5,
    positive: Annotated[
        Path | None, _option("--path_for_pos_labels", text="folder of yes (Labeled/Labeled_Positive next to FOLDER)")
    ] = None,
    negative: Annotated[
        Path | None, _option("--path_for_neg_labels", text="folder of no (Labeled/Labeled_Negative)")
    ] = None,
    unsure: Annotated[
        Path | None, _option("--path_for_unsure_labels", text="folder of unsure (Labeled/Unsure)")
    ] = None,
    output: Annotated[
        Path | None, _option("--output", text="folder in the place of Labeled/, for a second FOLDER next to the first")
    ] = None,
    mode: Annotated[
        str, _option("--mode", text="symlink, hardlink or copy: how images get there (symlink)")
    ] = "symlink",
    question: Annotated[str, _option("--question", text="what the page asks about each image")] = "",
    runtime: Annotated[
        Path | None, _option("--runtime", text="folder of the answers (Labeled/.active-labeler next to FOLDER)")
    ] = None,
    port: Annotated[int, _option("--port", text="port of the page (5000); 0: any free one", min=0, max=65535)] = 5000,
    host: Annotated[str, _option("--host", text="address the page listens on (127.0.0.1)")] = "127.0.0.1",
    share: Annotated[
        bool, _option("--share", text="let phones and others in your network label: prints a link")
    ] = False,
) -> None:
    """Sort a folder by yes, no and unsure, without a model: links or copies in three folders, the images stay where they are.

    It ends when every image has an answer, or with "Finish batch early" on the page. The same command goes on later, also
    after Ctrl-C, with images that have come into the folder since.
    """
    given = folder or path_for_unlabeled
    if given is None or (folder and path_for_unlabeled and folder != path_for_unlabeled):
        raise InvalidInputError("which folder? Give one: active-labeler label FOLDER")
    if mode not in MODES:
        raise InvalidInputError(f"--mode {mode}: take {', '.join(MODES)}")
    images = given.absolute()
    chosen = {"positive": positive, "negative": negative, "unsure": unsure}
    results = (output or images.parent / "Labeled").absolute()
    sides = {side: (chosen[side] or place).absolute() for side, place in default_sides(results).items()}
    place = (runtime or results / KEPT).absolute()
    reporter = TerminalReporter()
    wish = Sorting(images, sides, place, mode, question, batch_size, EVERYWHERE if share else host, port)
    set_up_logging(verbose=False)
    try:
        words = sort_folder(wish, reporter)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; every answer is kept. The same command goes on\n")
        sys.exit(130)
    reporter.console.print(words, markup=False)
