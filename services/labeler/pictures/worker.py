"""The worker process that decodes images: whatever a hostile file does to a decoder, it does here.

It reads one request a line on standard input, ``{"source": path, "target": path}``, and answers each with a line on standard
output, ``{"error": null or the reason}``; the first line there is "ready". When its standard input closes, which the end of the
labeler does in any case, ``kill -9`` included, it ends at once, even in the middle of an image.
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
from services.labeler.pictures.display import Look, derive

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
    while True:
        answer = {"error": _work(json.loads(requests.get()))}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _read(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _work(request: dict[str, Any]) -> str | None:
    target = Path(request["target"])
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        data = derive(
            Path(request["source"]), Look(bool(request["full"]), bool(request["levels"]), bool(request["tile"]))
        )
        scratch.write_bytes(data)
        scratch.replace(target)
    except InvalidInputError as error:
        return str(error)
    except MemoryError:
        return "it needs more memory than an image may take"
    return None


if __name__ == "__main__":
    main()
