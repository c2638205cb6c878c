"""What a generation is built from: checked, and digested to its name."""

from __future__ import annotations

from dataclasses import dataclass

from protos.errors import InvalidInputError
from services.common.artifacts import digest_of

METRICS = ("euclidean", "angular")
MOST_TREES = 1000
MOST_JOBS = 256
_LAYOUT = 1  # of the files below; a change of it must give other names


@dataclass(frozen=True)
class BuildParameters:
    """How vectors become a generation.

    Attributes:
        rows: items in the catalog.
        dim: length of one vector.
        metric: "euclidean", or "angular", which is the square root of 2 (1 - cosine).
        num_trees: more of them answer better and take more space.
        n_jobs: threads of the build; two builds with several never give the same trees.
        seed: of Annoy's random planes.

    Raises:
        InvalidInputError: for a value that cannot be built with.
    """

    rows: int
    dim: int
    metric: str
    num_trees: int
    n_jobs: int
    seed: int

    def __post_init__(self) -> None:
        if not self.rows or not self.dim:
            raise InvalidInputError(
                f"{self.rows} vectors of {self.dim} numbers cannot be indexed; give at least one of each"
            )
        if self.metric not in METRICS:
            raise InvalidInputError(f"the metric is {self.metric[:100]!r}; choose one of {', '.join(METRICS)}")
        if not 1 <= self.num_trees <= MOST_TREES:
            raise InvalidInputError(f"num_trees is {self.num_trees}; give 1 to {MOST_TREES}, for example 10")
        if not 1 <= self.n_jobs <= MOST_JOBS:
            raise InvalidInputError(f"n_jobs is {self.n_jobs}; give 1 to {MOST_JOBS}")

    def matrix_name(self, manifest: str) -> str:
        """Digest of what the joined vectors follow from; ``manifest`` is the SHA-256 of the list of blocks."""
        return digest_of("matrix", _LAYOUT, manifest, self.rows, self.dim)

    def generation_id(self, manifest: str) -> str:
        """Name of the generation: 32 hexadecimal digits."""
        trees = (self.metric, self.num_trees, self.n_jobs, self.seed)
        return digest_of("generation", _LAYOUT, self.matrix_name(manifest), *trees)[:32]
