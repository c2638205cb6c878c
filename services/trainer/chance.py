"""Training that is the same every time: alone in its process, on so many threads, from a seed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_ONE_AT_A_TIME = threading.RLock()  # dropout draws from the process-wide generator
SEEDS = 2**63  # the contracts' seeds have one bit more than torch takes


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[None]:
    """Alone in this process: ``threads`` processor threads, the process-wide generator seeded and put back afterwards."""
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.set_num_threads(threads)
        torch.manual_seed(seed % SEEDS)
        yield
