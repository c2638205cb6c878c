"""The runtime folder of a run: what lies where, and whose it is."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config_file import save
from orchestrator.journal import read_entries
from orchestrator.outputs.files import telling_what_failed
from orchestrator.questions import InputEndedError
from orchestrator.settings import RunSettings
from protos.errors import ActiveLabelerError, ConflictError, DamagedError, InvalidInputError, NotFoundError

FORMAT = 1  # of the runtime folder; another one is refused
_MISTAKES = (InvalidInputError, NotFoundError, ConflictError)
_OURS = ".active-labeler"  # says that whatever lies in a folder is of this program, when its run was given up
_FOREIGN = ("swipe", "annoy_file.ann")  # what the original leaves in its runtime_path


@dataclass(frozen=True)
class RunFolder:
    """A runtime folder and the name of the run in it; fresh when this process has just made it."""

    path: Path
    run: str
    fresh: bool = False

    @property
    def journal(self) -> Path:
        """The journal of the loop."""
        return self.path / "journal.jsonl"

    @property
    def artifacts(self) -> Path:
        """The artifact store of an embedded run."""
        return self.path / "artifacts"

    @property
    def labels(self) -> Path:
        """The folder of the label store of an embedded run."""
        return self.path / "labels"

    @property
    def logs(self) -> Path:
        """The logs of embedded services."""
        return self.path / "logs"

    @property
    def services(self) -> Path:
        """Where the services of an embedded run answer, and its control service, while it is at work."""
        return self.path / "services.json"

    @property
    def plot(self) -> Path:
        """The picture of positives found against labels."""
        return self.path / "positives_found.png"

    @property
    def table(self) -> Path:
        """The curated data set as a table."""
        return self.path / "final_dataset.csv"

    @property
    def wish_to_add(self) -> Path:
        """Lies there from `add` until the loop has looked for new images."""
        return self.path / "add.request"

    @property
    def quarantine(self) -> Path:
        """The table of images that could not be read."""
        return self.path / "quarantine.csv"


def check_free(path: Path) -> None:
    """Looks whether a new run may have this runtime folder.

    Raises:
        ConflictError: when there is a run in it, or something of the original's.
    """
    about = _about(path)
    if about is not None:
        raise ConflictError(
            f"there is a run in {path} already (named {about['run']}): continue it with `active-labeler resume {path}`,"
            " or give another folder with --runtime (runtime_path in the original's file); nothing was changed"
        )
    foreign = [name for name in _FOREIGN if (path / name).exists()]
    if foreign and not (path / _OURS).exists():
        raise ConflictError(
            f"{path} holds {foreign[0]} from another program: move it away, or give another folder with --runtime"
            " (runtime_path in the original's file); nothing was changed"
        )


def create(settings: RunSettings) -> RunFolder:
    """Makes the runtime folder of a new run; nothing in it is deleted.

    Raises:
        ConflictError: when there is a run in it, or something of the original's.
    """
    path = settings.runtime
    check_free(path)
    run = secrets.token_hex(6)
    with telling_what_failed(path):
        path.mkdir(parents=True, exist_ok=True)
        (path / _OURS).touch()
    stale = path / "journal.jsonl"
    if stale.exists():  # of a run that was given up half-way: it must not answer for this one
        stale.replace(path / f"journal-before-{run}.jsonl")
    save(settings, path / "run.yaml")
    scratch = path / ".run.json.new"
    scratch.write_text(json.dumps({"run": run, "format": FORMAT}) + "\n")
    scratch.replace(path / "run.json")  # last: with it, the folder is a run
    return RunFolder(path, run, fresh=True)


def open_existing(path: Path) -> RunFolder:
    """The folder of a run that was started before.

    Raises:
        NotFoundError: when there is none.
        ConflictError: when another version of Active Labeler made it.
    """
    about = _about(path)
    if about is None:
        raise NotFoundError(f"there is no run in {path}; start one with `active-labeler run --runtime {path} ...`")
    if about["format"] != FORMAT:
        raise ConflictError(
            f"the run in {path} has format {about['format']}, this version works with {FORMAT}; use the version that made it"
        )
    return RunFolder(path, str(about["run"]))


def abandon(folder: RunFolder, error: ActiveLabelerError) -> None:
    """Gives the folder free again when a run that was just made fails because its settings need mending.

    Only this process's own new run, only before anybody was asked for a label, and only for mistakes in what was given: a
    full disk or a service that is gone are for `resume`. What was embedded stays, and costs nothing the next time.
    """
    if not folder.fresh or not isinstance(error, _MISTAKES) or isinstance(error, InputEndedError):
        return
    if folder.journal.exists():
        steps = [str(entry["step"]) for entry in read_entries(folder.journal)[0]]
        if any(step.endswith(("/count", "/offer")) or step == "seed-folder" for step in steps):
            return
    for file in (
        folder.journal,
        folder.path / "run.yaml",
        folder.path / "run.json",
    ):  # run.json last: until then it is a run
        file.unlink(missing_ok=True)


def _about(path: Path) -> dict[str, object] | None:
    file = path / "run.json"
    if not file.exists():
        return None
    try:
        about = json.loads(file.read_bytes())
        return {"run": about["run"], "format": about["format"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{file} cannot be read ({error}); restore it from a backup, or use another folder"
        ) from error
