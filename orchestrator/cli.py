"""The command line: ``active-labeler run|resume|add|status|export|services|serve``."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from orchestrator import commands, encoder_command, label_command, operating, pretrain_command, sharing
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
_MAIN, _LOOP, _PAGE, _MACHINE = "What to look at", "The loop", "Labeling", "Machine"


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


def _option(names: Sequence[str], text: str, panel: str = _MAIN) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False)


Runtime = Annotated[Path, typer.Argument(help="the runtime folder of the run (runtime_path in the original's file)")]
Auto = Annotated[bool | None, _option(["--auto"], "ask no questions: --rounds rounds, then finish", _LOOP)]
Rounds = Annotated[int | None, _option(["--rounds"], "rounds with --auto (10)", _LOOP)]
Continuous = Annotated[
    bool | None, _option(["--continuous/--in-rounds"], "train and rank while people label, without a pause", _LOOP)
]
Port = Annotated[int | None, _option(["--port"], "port of the labeling page (5000)", _PAGE)]
Share = Annotated[
    bool,
    _option(
        ["--share"], "let phones and others in your network label: listens beyond this machine, prints a link", _PAGE
    ),
]
Settings = Annotated[
    list[str] | None,
    _option(["--set"], "any setting by its name, e.g. --set head.epochs=20; all are in docs/configuration.md", _LOOP),
]


@app.command()
def run(
    config: Annotated[
        Path | None,
        _option(["--config_path", "--config", "-c"], "YAML file: ours, or the original's pipeline_config.yaml"),
    ] = None,
    data: Annotated[
        Path | None, _option(["--data"], "folder with the images, a list of them (.csv, .jsonl, .parquet), or a URL")
    ] = None,
    tile: Annotated[int | None, _option(["--tile"], "cut larger images into windows of so many pixels")] = None,
    reference: Annotated[
        list[Path] | None, _option(["--reference"], "an image of what you look for; may be given several times")
    ] = None,
    phrase: Annotated[
        str | None, _option(["--phrase"], "what you look for in words, where the encoder understands text")
    ] = None,
    encoder: Annotated[
        Path | None,
        _option(
            ["--encoder"],
            "checkpoint of an encoder (.ckpt, .pt), an ONNX file, or what `pretrain` or `encoder import` wrote",
        ),
    ] = None,
    encoder_model: Annotated[
        str | None, _option(["--encoder-model"], "instead: a model of the Hugging Face hub, its name or local folder")
    ] = None,
    seed_folder: Annotated[
        Path | None, _option(["--seed-folder"], "folder with positive/ and negative/: images that you know already")
    ] = None,
    runtime: Annotated[
        Path | None, _option(["--runtime"], "folder for all that the run needs to go on later (runtime)")
    ] = None,
    output: Annotated[Path | None, _option(["--output"], "folder for final_dataset/ and final_model.ckpt (.)")] = None,
    question: Annotated[str | None, _option(["--question"], "what the page asks about each image", _PAGE)] = None,
    definition: Annotated[str | None, _option(["--definition"], "what counts as yes, one key away", _PAGE)] = None,
    auto: Auto = None,
    rounds: Rounds = None,
    sample_size: Annotated[int | None, _option(["--sample-size"], "images asked about in a round (20)", _LOOP)] = None,
    seed_count: Annotated[
        int | None, _option(["--seed-count"], "images labelled before the first round", _LOOP)
    ] = None,
    strategy: Annotated[str | None, _option(["--strategy"], "how images are chosen (hybrid)", _LOOP)] = None,
    fine_tune: Annotated[
        bool | None, _option(["--fine-tune"], "with --auto: fine-tune the encoder each round", _LOOP)
    ] = None,
    stop_after: Annotated[
        int | None, _option(["--stop-after"], "with --auto: finish after so many rounds without a positive", _LOOP)
    ] = None,
    continuous: Continuous = None,
    max_labels: Annotated[int | None, _option(["--max-labels"], "with --auto: finish at so many labels", _LOOP)] = None,
    simulate: Annotated[
        str | None, _option(["--simulate"], "no person: images with this text in their file name are positive", _PAGE)
    ] = None,
    port: Port = None,
    host: Annotated[str | None, _option(["--host"], "address the page listens on (127.0.0.1)", _PAGE)] = None,
    share: Share = False,
    device: Annotated[str | None, _option(["--device"], "auto, cpu, cuda or cuda:N", _MACHINE)] = None,
    endpoints: Annotated[
        str | None, _option(["--endpoints"], "services that run already: embedder=host:port,index=...", _MACHINE)
    ] = None,
    resume: Annotated[
        bool, _option(["--resume"], "go on when there is a run in the runtime folder already", _LOOP)
    ] = False,
    quiet: Annotated[bool | None, _option(["--quiet", "-q"], "only questions, errors and the report", _MACHINE)] = None,
    settings: Settings = None,
) -> None:
    """Start a run: embed, seed, and then label, train, and pick again until you finish.

    Give --config_path with a file, or --data and --reference; what else you give here wins over the file. Nothing in your
    folder is moved or changed. Stop with Ctrl-C at any time; `active-labeler resume RUNTIME` goes on.
    """
    overrides = {
        "data": data,
        "tile": tile,
        "seed_set.reference": reference[0] if reference else None,
        "seed_set.references": tuple(reference[1:]) if reference and len(reference) > 1 else None,
        "seed_set.phrase": phrase,
        "encoder.path": encoder,
        "encoder.model": encoder_model,
        "seed_set.folder": seed_folder,
        "runtime": runtime,
        "output": output,
        "question": question,
        "definition": definition,
        "auto.enabled": auto,
        "auto.rounds": rounds,
        "sampling.size": sample_size,
        "seed_set.count": seed_count,
        "sampling.strategy": strategy,
        "auto.choice": "fine_tune" if fine_tune else None,
        "auto.stop_after_rounds_without_positive": stop_after,
        "auto.max_labels": max_labels,
        "labeling.continuous": continuous,
        "labeling.simulate": True if simulate else None,
        "labeling.pos_class": simulate,
        "labeling.port": port,
        "labeling.host": host or (commands.EVERYWHERE if share else None),
        "device": device,
        "verbose": False if quiet else None,
        **commands.endpoint_overrides(endpoints),
        **commands.set_overrides(settings or []),
    }
    commands.run(config, {name: value for name, value in overrides.items() if value is not None}, resume)


@app.command()
def resume(
    runtime: Runtime,
    auto: Auto = None,
    rounds: Rounds = None,
    port: Port = None,
    share: Share = False,
    settings: Settings = None,
) -> None:
    """Go on with a run that was stopped, killed, or left at a question."""
    overrides = {
        "auto.enabled": auto,
        "auto.rounds": rounds,
        "labeling.port": port,
        "labeling.host": commands.EVERYWHERE if share else None,
        **commands.set_overrides(settings or []),
    }
    commands.resume(runtime, {name: value for name, value in overrides.items() if value is not None})


@app.command()
def add(runtime: Runtime = Path("runtime")) -> None:
    """Take images that are new in the data folder into a run that is not finished; only they are embedded."""
    commands.add(runtime)


@app.command()
def status(runtime: Runtime = Path("runtime")) -> None:
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
    runtime: Runtime,
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
def replay(runtime: Runtime = Path("runtime")) -> None:
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
