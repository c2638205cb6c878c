"""The sampler's client."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef, GenerationRef, Pick
from protos import common_pb2, sampler_pb2
from protos.wire import to_items


class SamplerClient:
    """Which images are worth asking about."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def select(
        self,
        run: str,
        number: int,
        strategy: str,
        count: int,
        seed: int,
        generation: GenerationRef,
        scores: ArtifactRef | None,
        excluded: NDArray[np.uint64],
    ) -> list[Pick]:
        """``count`` items from the pool: embedded, and not among ``excluded`` [n] uint64."""
        request = sampler_pb2.SelectRequest(
            run=run,
            round=number,
            strategy=strategy,
            count=count,
            seed=seed,
            scores=scores.to(common_pb2.Artifact) if scores else None,
            present=generation.present.to(common_pb2.Artifact),
            excluded=to_items(excluded),
        )
        answer = self._call(self._stub.Select, request, 300)
        return [Pick(item=pick.item, reason=pick.reason, score=pick.score) for pick in answer.picks]
