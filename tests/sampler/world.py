"""A pool of clouds of vectors, as strategies are tried on."""

from __future__ import annotations

import numpy as np

from services.sampler.registry import find_strategy
from services.sampler.selection import Around, Selection, select

ROWS, CLOUDS = 600, 12


class World:
    """Twelve clouds of fifty items; a yes and a no in the first two."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.cloud = np.arange(ROWS) % CLOUDS
        centres = np.eye(CLOUDS, dtype=np.float32) * 8
        self.vectors = (centres[self.cloud] + rng.normal(size=(ROWS, CLOUDS))).astype(np.float32)
        self.scores = rng.uniform(0.01, 0.4, ROWS).astype(np.float32)
        self.committee = np.clip(self.scores + rng.normal(0, 0.2, (8, ROWS)), 0, 1).astype(np.float32)
        self.present = np.ones(ROWS, dtype=np.bool_)
        self.labelled = (np.array([0, 1, 12, 13], dtype=np.uint64), np.array([True, False, True, False]))

    def around(self, **more: object) -> Around:
        parts = {"vectors": self.vectors, "labelled": self.labelled, "committee": self.committee}
        clusters = self.cloud.astype(np.int32)
        return Around(**{**parts, "clusters": lambda: clusters, **more})  # type: ignore[arg-type]

    def select(self, name: str, count: int = 20, seed: int = 0, scores: object = "own", **more: object) -> Selection:
        rng = np.random.default_rng(seed)
        known = self.scores if isinstance(scores, str) else scores
        excluded = self.labelled[0]
        return select(find_strategy(name), known, self.present, excluded, count, rng, self.around(**more))  # type: ignore[arg-type]
