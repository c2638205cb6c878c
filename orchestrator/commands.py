"""What the commands do; the command line only reads their options."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, cast, get_args

from orchestrator import clients, config_file, predicting, remote, replaying, standing
from orchestrator.adding import add_now
from orchestrator.claiming import check_unclaimed, claim_output, release_output
from orchestrator.clients.caller import Caller
from orchestrator.clients.sampler import SamplerClient
from orchestrator.control.daemon import serve_control
from orchestrator.control.embedded import embedded_control
from orchestrator.embedding import NoEncoderError
from orchestrator.encoder_offer import other_encoder, somebody_is_there
from orchestrator.exporting import check_wish, export_now, wish_of
from orchestrator.finish import Finished
from orchestrator.folder import RunFolder, abandon, check_free, create, open_existing
from orchestrator.journal import is_at_work
from orchestrator.launcher import Launcher
from orchestrator.loop import run_loop
from orchestrator.outputs.files import telling_what_failed
from orchestrator.outputs.final_dataset import Mode
from orchestrator.outputs.ownership import check_outputs_free
from orchestrator.outputs.report import visible
from orchestrator.places import absolute, check_data, check_places, data_root
from orchestrator.questions import InputEndedError, TerminalAsker
from orchestrator.reporting import TerminalReporter
from orchestrator.resuming import resumed
from orchestrator.run import Run, Stopped
from orchestrator.service_health import tell_health
from orchestrator.service_settings import OrchestratorSettings, read_orchestrator_settings
from orchestrator.session import session
from orchestrator.settings import EndpointSettings, RunSettings
from protos import rpc
from protos.errors import ActiveLabelerError, InvalidInputError, NotFoundError, UnavailableError
from protos.sampler_pb2_grpc import SamplerStub
from services.common.process import leave
from services.common.telemetry import set_up_logging
from services.common.traces import start_traces

EVERYWHERE = "0.0.0.0"  # noqa: S104 - only where somebody asks for it: every address of this machine


def set_overrides(entries: Sequence[str]) -> dict[str, str]:
    """``name=value`` entries as a mapping.

    Raises:
        InvalidInputError: when one has no name or no ``=``.
    """
    pairs = [entry.partition("=") for entry in entries]
    for entry, (name, sign, _) in zip(entries, pairs, strict=True):
        if not name or not sign:
            raise InvalidInputError(f"--set {entry}: write name=value, for example --set head.epochs=20")
    return {name.strip(): value for name, _, value in pairs}


def endpoint_overrides(text: str | None) -> dict[str, str]:
    """``embedder=host:port,index=...`` as settings.

    Raises:
        InvalidInputError: when a name is none of the five services.
    """
    found: dict[str, str] = {}
    for entry in (text or "").split(","):
        if entry.strip():
            name, sign, address = entry.strip().partition("=")
            if name not in clients.SERVICES or not sign or not address:
                raise InvalidInputError(
                    f"--endpoints {entry}: write SERVICE=host:port with one of {', '.join(clients.SERVICES)}"
                )
            found[f"endpoints.{name}"] = address
    return found


def run(config: Path | None, overrides: dict[str, Any], resume_existing: bool) -> None:
    """Starts a run here, or at the orchestrator that ``ACTIVE_LABELER_CONTROL`` names."""
    settings = absolute(config_file.load(config, overrides))
    process = read_orchestrator_settings()
    if process.control is not None:
        remote.run(process.control, settings, resume_existing, process.tls)
        return
    if resume_existing and (settings.runtime / "run.json").exists():
        _go_on(settings.runtime, settings, process)
        return
    check_free(settings.runtime)
    check_places(settings)
    check_unclaimed(settings.output, "")
    _log(settings, process)
    check_outputs_free(settings.output, "")
    try:
        _work(settings, create(settings), process)
    except NoEncoderError as error:
        if not somebody_is_there(settings):
            raise
        sys.stdout.write(f"{error}\n")
        if (named := other_encoder(settings, process)) is None:
            raise NotFoundError("no encoder is named, and none was chosen") from error
        run(config, {**overrides, **named}, resume_existing)


def resume(runtime: Path, overrides: dict[str, Any]) -> None:
    """Goes on with a run; ``overrides`` are settings that may change on the way."""
    folder = open_existing(runtime.absolute())
    settings = config_file.load(folder.path / "run.yaml", overrides)
    process = read_orchestrator_settings()
    if process.control is not None:
        remote.run(process.control, settings, True, process.tls)
        return
    _go_on(folder.path, settings, process)


def _go_on(runtime: Path, given: RunSettings, process: OrchestratorSettings) -> None:
    folder = open_existing(runtime)
    settings = resumed(config_file.load(folder.path / "run.yaml"), given)
    report = standing.report_of(folder)
    if report is not None:
        sys.stdout.write(f"This run is finished.\n{report}\n")
        return
    check_data(settings)
    check_unclaimed(settings.output, folder.run)
    config_file.save(settings, folder.path / "run.yaml")  # what was changed holds for the next time, too
    _log(settings, process)
    _work(settings, folder, process)


def _log(settings: RunSettings, process: OrchestratorSettings) -> None:
    with telling_what_failed(settings.output):
        settings.output.mkdir(parents=True, exist_ok=True)
        set_up_logging(verbose=False, file=settings.output / "active_labeler.log", style=process.log_format)


def _work(settings: RunSettings, folder: RunFolder, process: OrchestratorSettings) -> None:
    reporter = TerminalReporter(quiet=not settings.verbose)
    asker = TerminalAsker(lambda text: reporter.console.print(text, markup=False))  # [l] is no markup
    stop_traces = start_traces(process.traces, "orchestrator")
    try:
        check_outputs_free(settings.output, folder.run)
        claim_output(settings.output, folder)
        finished = _loop_of(settings, folder, asker, reporter, process)
    except InputEndedError as error:
        raise InputEndedError(f"{error}: `active-labeler resume {folder.path}`") from error
    except UnavailableError as error:
        raise UnavailableError(f"{error}\nNothing is lost: go on with `active-labeler resume {folder.path}`") from error
    except ActiveLabelerError as error:
        abandon(folder, error)
        raise
    except (KeyboardInterrupt, Stopped):
        sys.stderr.write(f"Stopped; nothing is lost. Go on with `active-labeler resume {folder.path}`\n")
        sys.exit(130)
    finally:
        stop_traces()
        release_output(settings.output, folder)
    reporter.console.print(finished.report, markup=False)


def _loop_of(
    settings: RunSettings,
    folder: RunFolder,
    terminal: TerminalAsker,
    reporter: TerminalReporter,
    process: OrchestratorSettings,
) -> Finished:
    """Runs the loop; where people label on a page of this run, the page may answer its questions as well."""
    if settings.labeling.simulate:
        with session(settings, folder, terminal, reporter, process) as work:
            return run_loop(work)
    with embedded_control(settings, folder, terminal, reporter, process.tls) as control:
        with session(settings, folder, control.asker, control.reporter, process, control.address) as work:
            control.follow(work)
            return run_loop(work)


def add(runtime: Path) -> None:
    """Takes new images of the data folder into a run: embeds them now where it is not at work, else at its next round.

    Raises:
        ConflictError: when the run is finished, or has listed no images yet.
    """
    folder = open_existing(runtime.absolute())
    settings = config_file.load(folder.path / "run.yaml", {"labeling.port": 0, "verbose": False})
    process = read_orchestrator_settings()
    standing.check_may_grow(folder)
    check_data(settings)
    later = f"go on with `active-labeler resume {folder.path}`"
    if process.control is not None or is_at_work(folder.journal):
        folder.wish_to_add.touch()
        sys.stdout.write("The run looks for new images and takes them in when its next round begins.\n")
        return
    reporter = TerminalReporter()
    with session(settings, folder, TerminalAsker(print), reporter, process) as work:
        growth = add_now(work, _replay)
    said = f"Embedded: {growth}; {later}" if growth.new else f"Nothing to add: {growth}"
    reporter.console.print(said, markup=False)


def _replay(work: Run) -> None:
    """Takes a run to where its journal ends; nothing new is done."""
    work.replaying = True
    with suppress(Stopped):
        run_loop(work)


def status(runtime: Path) -> None:
    """Prints where a run stands."""
    folder = open_existing(runtime.absolute())
    sys.stdout.write(standing.describe(folder) + "\n")


def export(runtime: Path, output: Path, mode: str, formats: Sequence[str] = (), models: Sequence[str] = ()) -> None:
    """Writes data set and model as they are now, in whatever formats are named."""
    if mode not in get_args(Mode):
        raise InvalidInputError(f"--mode {mode}: it takes {', '.join(get_args(Mode))}")
    wish = wish_of(output.absolute(), cast(Mode, mode), formats, models)
    folder = open_existing(runtime.absolute())
    settings = config_file.load(folder.path / "run.yaml", {"labeling.port": 0})
    reporter = TerminalReporter()
    check_wish(wish, folder.run, data_root(settings))
    with session(settings, folder, TerminalAsker(print), reporter, read_orchestrator_settings()) as work:
        reporter.console.print(export_now(work, wish), markup=False)


def predict(model: Path, folder: Path, output: Path) -> None:
    """Writes what an exported model says about the images of a folder."""
    counts = predicting.predict(model, folder, output)
    aside = f", {counts.unreadable:,} could not be read" if counts.unreadable else ""
    sys.stdout.write(f"{counts.positive:,} positive, {counts.negative:,} negative{aside}: {visible(str(output))}\n")


def replay(runtime: Path) -> None:
    """Tells whether a run computed again is the same."""
    replayed = replaying.replay(open_existing(runtime.absolute()), read_orchestrator_settings())
    sys.stdout.write(replaying.say(replayed) + "\n")


def strategies() -> None:
    """Prints what the sampler has: the one of a deployment, or else one that is started for the question."""
    process = read_orchestrator_settings()
    with ExitStack() as stack:
        address = process.endpoints.sampler
        if address is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="active-labeler-")))
            launcher = Launcher(scratch, {"ACTIVE_LABELER_ARTIFACTS": str(scratch / "store")})
            stack.callback(launcher.stop)
            others = {name: "elsewhere" for name in clients.SERVICES if name != "sampler"}
            address = launcher.start(EndpointSettings(**others)).sampler
        assert address is not None
        channel = stack.enter_context(rpc.connect(address, tls=process.tls))
        for facts in SamplerClient(SamplerStub(channel), Caller(0.0)).strategies():
            sys.stdout.write(f"{facts.name:<21} {facts.description}\n")
            for name, (default, text) in facts.parameters.items():
                sys.stdout.write(f"{'':<21} sampling.parameters.{name} ({default:g}): {text}\n")


def services(artifacts: Path | None) -> None:
    """Tells the health of services, or starts them and waits for Ctrl-C.

    Raises:
        UnavailableError: when one is not healthy, or dies.
    """
    if artifacts is None:
        tell_health(read_orchestrator_settings())
        return
    artifacts = artifacts.absolute()
    environment = {"ARTIFACTS": artifacts / "store", "LABELS": artifacts / "labels"}
    launcher = Launcher(artifacts / "logs", {f"ACTIVE_LABELER_{k}": str(v) for k, v in environment.items()})
    try:
        endpoints = launcher.start(EndpointSettings())
        shown = ",".join(f"{name}={getattr(endpoints, name)}" for name in clients.SERVICES)
        sys.stdout.write(f"ACTIVE_LABELER_ARTIFACTS={environment['ARTIFACTS']}\n--endpoints {shown}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):  # the way to end it
            _until_gone(launcher.why_gone)
    finally:
        launcher.stop()


def _until_gone(why_gone: Callable[[], str | None]) -> None:
    while True:
        reason = why_gone()
        if reason is not None:
            raise UnavailableError(reason)
        time.sleep(0.5)


def serve() -> None:
    """Serves the control contract until SIGTERM."""
    process = read_orchestrator_settings()
    set_up_logging(verbose=True, style=process.log_format)
    serve_control(process)
    leave()
