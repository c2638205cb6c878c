"""One of several processes that train the same encoder: ``python -m services.trainer.pretraining.member``.

It reads what to do as a line of JSON on standard input, and its place among the others from the environment, as Lightning has it.
When its standard input closes, which the end of the trainer does in any case, it ends at once. A domain error is written to
standard output as JSON, and ends it with exit code 2.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from protos.errors import ActiveLabelerError

REFUSED = 2


def main() -> None:
    """Trains until the training is over, or the time of the call is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which then closes our input
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries are talkative
    try:
        _train(asked)
    except ActiveLabelerError as error:
        _refuse(answers, error)


def _train(asked: dict[str, Any]) -> None:
    import torch  # these take seconds, in which the input may close

    from services.trainer.chance import seeded
    from services.trainer.pretraining.batches import Part
    from services.trainer.pretraining.plan import Plan
    from services.trainer.pretraining.training import train

    plan = Plan(**asked["plan"])
    end = time.monotonic() + (asked["seconds"] or math.inf)
    part = Part(int(os.environ["LOCAL_RANK"]), plan.devices)
    device = torch.device("cuda", part.number) if asked["gpu"] else torch.device("cpu")
    with seeded(plan.seed, asked["threads"]):
        train(plan, Path(asked["folder"]), device, lambda: time.monotonic() >= end, lambda: True, part)


def _refuse(answers: TextIO, error: ActiveLabelerError) -> None:
    answers.write(json.dumps({"kind": type(error).__name__, "text": str(error)}))
    answers.flush()
    os._exit(REFUSED)  # the others wait for this one, and Lightning for them


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
