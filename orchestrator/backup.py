"""A run in one file, and back: the runtime folder, its artifacts, and what the label store has of it."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator import clients, config_file
from orchestrator.archive import ArchiveReader, ArchiveWriter, reading, writing
from orchestrator.clients.caller import Caller
from orchestrator.clients.embedder import block_names
from orchestrator.clients.labeler import LabelerClient
from orchestrator.clients.refs import ArtifactRef
from orchestrator.folder import RunFolder, check_free, open_existing
from orchestrator.journal import is_at_work, read_entries
from orchestrator.launcher import Launcher
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.session import artifacts_of, endpoints_of, environment
from orchestrator.settings import EndpointSettings, RunSettings
from orchestrator.sources.listing import url_of
from protos import labeler_pb2_grpc, rpc
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, NotFoundError
from services.common import leftovers
from services.common.artifacts import ArtifactStore

_LABELS = "labels/rows.jsonl.gz"
_LEFT_OUT = {
    "logs",
    "labels",
    "artifacts",
    "swipe",
    "services.json",
    "add.request",
}  # made anew, or saved in another way
_STARTING = "the run in {} has just begun or is ending; back it up in a moment"


def backup(folder: RunFolder, settings: RunSettings, process: OrchestratorSettings, archive: Path) -> tuple[int, int]:
    """Writes a run, at work or not, into one file; returns how many files and how many events of the label log.

    The order makes it consistent: the journal first, then the artifacts that it names, then the labels, which may be newer.

    Raises:
        ConflictError: when the file exists.
        NotFoundError: when the labeler does not know the run: nobody was asked for a label yet.
    """
    endpoints = endpoints_of(settings, process)
    root = artifacts_of(folder, process, endpoints)
    with writing(archive, folder.run) as writer, _labeler(folder, settings, process, endpoints, root) as labeler:
        journal = _whole_lines(folder.journal)
        writer.add_bytes("runtime/journal.jsonl", journal)
        _add_folder(writer, folder.path, "runtime", skip=_LEFT_OUT | {"journal.jsonl"})
        if root == folder.artifacts:
            _add_folder(writer, root, "artifacts", skip={"label-copies"})
        else:
            _add_named(writer, ArtifactStore(root), folder, with_mirrors=url_of(settings.data) is not None)
        rows, events = labeler.save_run(folder.run)
        store = ArtifactStore(root)
        try:
            writer.add_file(_LABELS, store.open(rows.to(Artifact)))
        finally:
            store.remove(rows.path)
    return len(writer.files), events


def restore(archive: Path, runtime: Path, output: Path, process: OrchestratorSettings) -> tuple[RunSettings, int]:
    """Makes a run of a backup, in a new runtime folder; returns its settings and the events of its label log.

    Raises:
        ConflictError: when there is a run, or anything else, in the folder; when the label store has the run with other labels;
            when the backup is of another version.
        DamagedError, InvalidInputError: when the archive is damaged, or holds what no backup holds.
    """
    if not archive.is_file():
        raise NotFoundError(f"there is no backup {archive}; give a file that `active-labeler backup` made")
    check_free(runtime)
    if runtime.exists() and (not runtime.is_dir() or any(runtime.iterdir())):
        raise ConflictError(f"{runtime} is not empty; give another folder with --runtime, nothing was changed")
    runtime.parent.mkdir(parents=True, exist_ok=True)
    scratch = runtime.with_name(f".{runtime.name}-{secrets.token_hex(4)}")
    try:
        with reading(archive) as reader:
            settings, events = _fill(reader, scratch, runtime, output, process)
        if runtime.exists():
            runtime.rmdir()
        scratch.rename(runtime)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return settings, events


def _fill(
    reader: ArchiveReader, scratch: Path, runtime: Path, output: Path, process: OrchestratorSettings
) -> tuple[RunSettings, int]:
    for name in reader.files:
        top, _, rest = name.partition("/")
        if top != "artifacts":
            reader.copy(name, scratch / (rest if top == "runtime" else f"restoring/{rest}"))
    folder = open_existing(scratch)
    settings = config_file.load(scratch / "run.yaml", {"runtime": runtime, "output": output})
    config_file.save(settings, scratch / "run.yaml")
    endpoints = endpoints_of(settings, process)
    root = artifacts_of(folder, process, endpoints)
    for name in (name for name in reader.files if name.startswith("artifacts/")):
        _bring(reader, name, root, scratch)
    rows = scratch / "restoring" / _LABELS.removeprefix("labels/")
    if not rows.is_file():
        raise NotFoundError("the backup holds no labels; use a file that `active-labeler backup` made")
    store = ArtifactStore(root)
    brought = ArtifactRef.of(store.put_file(f"label-copies/{folder.run}-{secrets.token_hex(8)}.jsonl.gz", rows))
    try:
        with _labeler(folder, settings, process, endpoints, root) as labeler:
            events = labeler.restore_run(folder.run, brought)
    finally:
        store.remove(brought.path)
        shutil.rmtree(scratch / "restoring")
    shutil.rmtree(folder.logs, ignore_errors=True)
    return settings, events


def _bring(reader: ArchiveReader, name: str, root: Path, scratch: Path) -> None:
    """An artifact into its place; one that a shared store has already stays, as a name stands for one content."""
    target = root / name.removeprefix("artifacts/")
    if target.exists():
        return
    fresh = scratch / "restoring" / "artifact"
    reader.copy(name, fresh)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch_name = leftovers.temporary(root, target)
    try:
        shutil.copyfile(fresh, scratch_name)
        scratch_name.replace(target)
    finally:
        fresh.unlink()
        scratch_name.unlink(missing_ok=True)


def _whole_lines(journal: Path) -> bytes:
    if not journal.exists():
        return b""
    data = journal.read_bytes()
    return data[: read_entries(journal)[1]]


def _add_folder(writer: ArchiveWriter, root: Path, top: str, skip: set[str]) -> None:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        temporary = any(leftovers.is_temporary(part) for part in parts)
        if parts[0] in skip or temporary or path.is_symlink() or not path.is_file():
            continue
        writer.add_file("/".join((top, *parts)), path)


def _add_named(writer: ArchiveWriter, store: ArtifactStore, folder: RunFolder, with_mirrors: bool) -> None:
    """Of a store that other runs share, what this run's journal names."""
    results = [entry["result"] for entry in read_entries(folder.journal)[0]] if folder.journal.exists() else []
    names = {ref.path for result in results for ref in _refs(result)}
    for result in results:
        if isinstance(result, dict) and isinstance(result.get("blocks"), dict):
            names |= block_names(store, ArtifactRef.model_validate(result["blocks"]))
    for name in sorted(names):
        for path in (store.root / name, store.root / f"{name}.sha256"):
            if path.is_file():  # vectors of generations before the last two are removed
                writer.add_file(f"artifacts/{path.relative_to(store.root).as_posix()}", path)
    if with_mirrors and (store.root / "mirrors").is_dir():
        _add_folder(writer, store.root / "mirrors", "artifacts/mirrors", skip=set())


def _refs(value: Any) -> Iterator[ArtifactRef]:
    """The references to artifacts anywhere in a result of the journal."""
    if isinstance(value, dict):
        if value.keys() == ArtifactRef.model_fields.keys():
            yield ArtifactRef.model_validate(value)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _refs(part)


@contextmanager
def _labeler(
    folder: RunFolder, settings: RunSettings, process: OrchestratorSettings, endpoints: EndpointSettings, root: Path
) -> Iterator[LabelerClient]:
    """The labeler of a run: a deployment's, the one that is at work with it, or one that is started for this."""
    launcher: Launcher | None = None
    address = endpoints.labeler
    if address is None and is_at_work(folder.journal):
        address = _address_at_work(folder)
    try:
        if address is None:
            variables = environment(settings, folder, root) | {"ACTIVE_LABELER_WEB_PORT": "0"}
            launcher = Launcher(folder.logs, variables)
            others = {name: "elsewhere" for name in clients.SERVICES if name != "labeler"}
            address = launcher.start(EndpointSettings(**others)).labeler
        assert address is not None
        channel = rpc.connect(address, tls=process.tls)
        try:
            yield LabelerClient(labeler_pb2_grpc.LabelerStub(channel), Caller(0.0 if launcher else process.patience_s))
        finally:
            channel.close()
    finally:
        if launcher is not None:
            launcher.stop()


def _address_at_work(folder: RunFolder) -> str:
    try:
        return str(json.loads(folder.services.read_bytes())["labeler"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConflictError(_STARTING.format(folder.path)) from error
