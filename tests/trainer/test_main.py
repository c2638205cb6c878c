"""``python -m services.trainer`` as the launcher starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from protos import rpc


def test_it_serves_and_stops(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ACTIVE_LABELER_LISTEN": f"unix:{tmp_path / 'trainer.sock'}",
        "ACTIVE_LABELER_ARTIFACTS": str(tmp_path / "artifacts"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.trainer"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready, address = process.stdout.readline().split()
        assert ready == "READY"
        with rpc.connect(address) as channel:
            assert rpc.is_healthy(channel, "activelabeler.v1.Trainer", timeout_s=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_setting_that_is_none_gets_one_sentence() -> None:
    environment = {**os.environ, "ACTIVE_LABELER_COMPUTE_THREADS": "many"}
    ended = subprocess.run(
        [sys.executable, "-m", "services.trainer"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ACTIVE_LABELER_COMPUTE_THREADS is 'many'")
