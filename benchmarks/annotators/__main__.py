"""The whole measurement; ``--seconds``, ``--annotators``, ``--rate``, ``--every`` and ``--images`` change its size."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks.annotators.report import report
from benchmarks.annotators.stage import Stage


def main() -> None:
    """Prints what was counted, each figure beside its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotators", type=int, default=100)
    parser.add_argument("--rate", type=float, default=200.0, help="answers a second, of all together")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two kills; 0: none")
    parser.add_argument("--images", type=int, default=60_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="annotators-") as folder:
        stage = Stage(Path(folder), asked.images)
        try:
            course = asyncio.run(stage.play(asked.annotators, asked.rate, asked.seconds, asked.every))
            print(report(course, stage.log()))
        finally:
            stage.close()


if __name__ == "__main__":
    main()
