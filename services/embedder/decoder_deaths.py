"""Why a process that decodes died: an image may have done it, or somebody outside who ends such processes."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from protos.errors import UnavailableError
from services.common.catalog import Row

ALONE = 2  # tries of an image by itself: the second in a fresh process, with nothing before it
# No decoder raises these, nor does the kernel when memory runs out (SIGKILL): somebody sends them.
_SENT = {-number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)}


class DecoderDiedError(Exception):
    """A process that decodes ended in the middle of its work, or answered with what is no answer.

    Attributes:
        code: as `subprocess.Popen.returncode` has it.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"it ended with {how(code)}")
        self.code = code

    @property
    def is_sent(self) -> bool:
        """Whether it was a signal that only somebody else sends."""
        return self.code in _SENT


def how(code: int) -> str:
    """The end of a process in a word: SIGABRT, exit code 1."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def reason_of(death: DecoderDiedError, times: int) -> str:
    """What is said of an image that ends processes."""
    return f"it ends each process that decodes it, {times} so far, the last with nothing else to do ({how(death.code)})"


def being_killed(death: DecoderDiedError) -> UnavailableError:
    """What is said where no image is to blame."""
    return UnavailableError(
        f"processes that decode images are being killed ({how(death.code)}), by somebody or because memory runs out: free memory,"
        " or set ACTIVE_LABELER_DECODE_PROCESSES to fewer, or to 0 for threads"
    )


@contextmanager
def harmless() -> Iterator[tuple[Path, Row]]:
    """A folder with a small picture that every decoder survives, and its row."""
    with tempfile.TemporaryDirectory(prefix="decoder-") as folder:
        file = Path(folder, "harmless.png")
        Image.new("RGB", (64, 64), (90, 120, 60)).save(file)
        status = file.stat()
        yield file.parent, Row(0, file.name, status.st_size, status.st_mtime_ns)
