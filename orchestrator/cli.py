"""The command line: ``active-labeler run|resume|add|status|export|services|serve``."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from orchestrator import commands, encoder_command, label_command, operating, pretrain_command, run_command, sharing
from protos.errors import ActiveLabelerError

log = logging.getLogger(__name__)

app = typer.Typer(
    help=(
        "Find one thing in a folder of unlabelled images.\n\n"
        "Start with  active-labeler run --data FOLDER --reference IMAGE : it embeds the images, shows you those that look"
        " like the reference, learns from your answers, and ends with a curated data set and a trained model."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_FORMATS = "folders, csv, jsonl, parquet, coco, labelstudio, fiftyone or imagefolder; several times for several"


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"active-labeler {version('active-labeler')}\n")
        raise typer.Exit


@app.callback()
def _program(
    _: Annotated[
        bool, typer.Option("--version", help="print the version and exit", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(run_command.run)
app.command()(run_command.resume)


@app.command()
def add(runtime: run_command.Runtime = Path("runtime")) -> None:
    """Take images that are new in the data folder into a run that is not finished; only they are embedded."""
    commands.add(runtime)


@app.command()
def status(runtime: run_command.Runtime = Path("runtime")) -> None:
    """Tell where a run stands, from its journal; it may be at work or not."""
    commands.status(runtime)


@app.command()
def link(
    runtime: Annotated[
        Path | None, typer.Argument(help="runtime folder of a run that is at work here (runtime)")
    ] = None,
) -> None:
    """Print the links that let people in to the labeling page, with a code to scan: of a run here, or of a deployment."""
    sharing.link(runtime)


@app.command()
def export(
    runtime: run_command.Runtime,
    output: Annotated[Path, typer.Option("--output", help="folder to write to, outside of the data folder")],
    formats: Annotated[list[str] | None, typer.Option("--format", help=_FORMATS, show_default=False)] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="ckpt, safetensors or onnx; several times for several")
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="copy, hardlink, symlink or list: how images get into folders of images")
    ] = "copy",
) -> None:
    """Write the curated data set and the model of a run that is not at work as they are now, without finishing it.

    Without --format and --model: final_dataset/, its table and final_model.ckpt. Otherwise what is named; docs/outputs.md
    describes each format.
    """
    commands.export(runtime, output, mode, formats or [], models or [])


app.command("label")(label_command.command)
app.command("pretrain")(pretrain_command.command)
app.command("backup")(operating.backup)
app.command("restore")(operating.restore)
app.add_typer(encoder_command.app, name="encoder")
app.command("certificates")(operating.certificates)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="final_model.ckpt, .safetensors or .onnx")],
    folder: Annotated[Path, typer.Argument(help="folder with images, nested or not")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file: path, probability, side, reason")] = Path(
        "predictions.csv"
    ),
) -> None:
    """Classify the images of a folder with an exported model; needs no run and no services."""
    commands.predict(model, folder, output)


@app.command()
def replay(runtime: run_command.Runtime = Path("runtime")) -> None:
    """Compute every head, score and choice of a run that is not at work once more, and compare: all must be bit-equal."""
    commands.replay(runtime)


@app.command()
def strategies() -> None:
    """List the query strategies, those of your own packages among them."""
    commands.strategies()


@app.command()
def services(
    artifacts: Annotated[
        Path | None, typer.Option("--artifacts", help="start all five here, with this artifact folder, until Ctrl-C")
    ] = None,
) -> None:
    """Tell whether the services of ACTIVE_LABELER_ENDPOINTS__... are healthy; with --artifacts start them on this machine."""
    commands.services(artifacts)


@app.command()
def serve() -> None:
    """Be the orchestrator of a deployment: wait for runs at the control service (see docs/deployment.md)."""
    commands.serve()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process: 0 done, 2 mend your input, 3 a service is gone, 130 stopped by Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except ActiveLabelerError as error:
        _end(f"error: {error}", error.exit_code)
    except TyperException as error:
        sentence = error.format_message().rstrip(".")  # none where the help itself was the answer
        _end(f"error: {sentence}; see `{_command_of(error)} --help`" if sentence else "", 2)
    except (KeyboardInterrupt, typer.Abort):
        _end("Stopped; every answer is kept. Go on with `active-labeler resume RUNTIME`.", 130)
    except OSError as error:
        log.exception("failed")
        _end(f"error: {error.strerror or error}: {error.filename or ''}; mend that and resume, nothing is lost", 1)
    except Exception as error:  # a defect of ours: the log has the traceback, a person gets a sentence
        log.exception("failed")
        _end(
            f"error: {type(error).__name__}: {error}; this is a defect, and active_labeler.log says where. Nothing is lost",
            1,
        )


def _command_of(error: TyperException) -> str:
    """The command that was not understood, as it is called: with its own options in its help."""
    names, context = [], getattr(error, "ctx", None)
    while context is not None and context.parent is not None:  # the first is the program, whatever it was started as
        names.append(context.info_name or "")
        context = context.parent
    return " ".join(["active-labeler", *reversed(names)])


def _stop(*_: object) -> None:
    """SIGTERM ends a command as Ctrl-C does, also where SIGINT is ignored: in the background of a script."""
    raise KeyboardInterrupt


def _end(text: str, code: int) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.exit(code)
