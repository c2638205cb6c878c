"""The worker process that decodes images: whatever a hostile file does to a decoder, it does here.

It reads one request a line on standard input, ``{"source": path, "target": path, "look": ...}``, and answers each with a line
on standard output, ``{"error": null or the reason}``; the first line there is "ready". What it decodes for a closer look it
keeps, so that the next piece of the same image is only cut out. When its standard input closes, which the end of the labeler
does in any case, ``kill -9`` included, it ends at once, even in the middle of an image.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from protos.errors import InvalidInputError
from services.labeler.pictures.cutting import Kept, make
from services.labeler.pictures.display import Look
from services.labeler.pictures.pyramid import Piece

_MEMORY = 4 * 1024**3
_FILE = 64 * 1024**2
_NICE = 10  # answers of people come first


def main() -> None:
    """Works until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the labeler, which then closes our input
    os.nice(_NICE)
    _limit(resource.RLIMIT_AS, _MEMORY)
    _limit(resource.RLIMIT_FSIZE, _FILE)
    _limit(resource.RLIMIT_CORE, 0)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    kept = Kept()
    while True:
        answer = {"error": _work(json.loads(requests.get()), kept)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _read(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _work(request: dict[str, Any], kept: Kept) -> str | None:
    target = Path(request["target"])
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        data = make(Path(request["source"]), _look(request["look"]), kept)
        scratch.write_bytes(data)
        scratch.replace(target)
    except InvalidInputError as error:
        return str(error)
    except MemoryError:
        return "it needs more memory than an image may take"
    return None


def _look(words: dict[str, Any]) -> Look:
    return Look(**{**words, "piece": Piece(**words["piece"]) if words["piece"] else None})


if __name__ == "__main__":
    main()
