"""The claim of a run on its output folder, from its start to its end: a second run hears of it at once."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from orchestrator import standing
from orchestrator.folder import RunFolder, open_existing
from orchestrator.journal import is_at_work
from orchestrator.outputs.files import telling_what_failed
from protos.errors import ActiveLabelerError, ConflictError, NotFoundError

CLAIM = ".active-labeler-run.json"  # in the output folder: the run that writes there, while it is not finished


@dataclass(frozen=True)
class _Claim:
    run: str
    runtime: Path

    def holds(self) -> bool:
        """Whether the run may still end there: it is in its runtime folder, and not finished."""
        try:
            folder = open_existing(self.runtime)
            return folder.run == self.run and standing.report_of(folder) is None
        except NotFoundError:
            return False  # given up, or deleted
        except (ActiveLabelerError, OSError):
            return True  # nobody can tell

    def refusal(self, output: Path) -> ConflictError:
        """The sentence for whoever else wants the folder: which run has it, and the choices."""
        at_work = is_at_work(self.runtime / "journal.jsonl")
        how = "is at work" if at_work else "is not finished"
        return ConflictError(
            f"the output folder {output} is in use by the run {self.run} in {self.runtime}, which {how}: give another"
            f" folder with --output, or finish that run first (`active-labeler {'status' if at_work else 'resume'}"
            f" {self.runtime}`); where it is given up, delete {output / CLAIM}. Nothing was changed"
        )


def check_unclaimed(output: Path, run: str) -> None:
    """Looks whether another run that is not finished will write its results to a folder.

    Args:
        output: the folder.
        run: the name of the run that asks; "" for one that has none yet.

    Raises:
        ConflictError: when there is one; it says which, and the choices.
    """
    claim = _read(output / CLAIM)
    if claim is not None and claim.run != run and claim.holds():
        raise claim.refusal(output)


def claim_output(output: Path, folder: RunFolder) -> None:
    """Notes in the output folder that this run will write there; one that is finished will not.

    A run's own claim, and one that holds no more, are taken over.

    Raises:
        ConflictError: when another run that is not finished has it.
        InvalidInputError, ExhaustedError: when the note cannot be written.
    """
    if standing.report_of(folder) is not None:
        return
    with telling_what_failed(output / CLAIM):
        output.mkdir(parents=True, exist_ok=True)
        with _locked(output / CLAIM) as file:
            check_unclaimed(output, folder.run)
            file.truncate(0)
            file.write(json.dumps({"run": folder.run, "runtime": os.fspath(folder.path)}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def release_output(output: Path, folder: RunFolder) -> None:
    """Takes the claim of this run away when it is finished or given up; one that goes on later keeps it."""
    claim = _read(output / CLAIM)
    if claim is not None and claim.run == folder.run and not claim.holds():
        with suppress(OSError):  # one that stays says no more than that this run was there
            (output / CLAIM).unlink()


@contextmanager
def _locked(file: Path) -> Iterator[IO[bytes]]:
    """The file, made where it is missing, for this process alone; never one that was taken away meanwhile."""
    while True:
        with file.open("ab") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            try:
                current = file.stat()
            except FileNotFoundError:
                continue
            if os.path.samestat(current, os.fstat(opened.fileno())):
                yield opened
                return


def _read(file: Path) -> _Claim | None:
    """What a claim says; None where there is none, or one that was never written to its end."""
    try:
        known = json.loads(file.read_bytes())
        return _Claim(str(known["run"]), Path(known["runtime"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
