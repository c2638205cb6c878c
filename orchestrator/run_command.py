"""The options of ``active-labeler run`` and ``resume``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator import commands

_MAIN, _LOOP, _PAGE, _MACHINE = "What to look at", "The loop", "Labeling", "Machine"


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
