"""Query strategies: pure functions of the pool.

Each takes ``scores`` float32 [rows] (the probability of the positive class), ``pool`` bool [rows] (what may be picked; at
least ``count`` of it, with a finite score each), ``count`` and a random generator, and returns ``count`` different items
int64 [count], best first. Equal scores are drawn by lot: a folder sorted by class must not decide what is asked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Pool = NDArray[np.bool_]
Items = NDArray[np.int64]
Query = Callable[[Scores, Pool, int, np.random.Generator], Items]
