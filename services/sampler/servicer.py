"""Translates: messages to arrays, picks to messages."""

from __future__ import annotations

import grpc
import numpy as np

from protos import sampler_pb2, sampler_pb2_grpc
from protos.rpc import Registration
from protos.wire import from_items
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore
from services.sampler.registry import STRATEGIES, find_strategy
from services.sampler.selection import select


class SamplerServicer(sampler_pb2_grpc.SamplerServicer):
    """The sampler's side of its contract; it keeps nothing between calls."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def Select(self, request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        """Picks items; the same request always gives the same picks."""
        strategy = find_strategy(request.strategy)
        scores = None
        if request.HasField("scores"):
            scores = map_array(self._store.open(request.scores), np.float32, 1)
        present = map_array(self._store.open(request.present), np.bool_, 1)
        rng = np.random.default_rng([request.seed, request.round])
        chosen = select(strategy, scores, present, from_items(request.excluded), request.count, rng)
        picks = [
            sampler_pb2.Pick(item=item, reason=strategy.name, score=score)
            for item, score in zip(chosen.items.tolist(), chosen.scores.tolist(), strict=True)
        ]
        return sampler_pb2.SelectResponse(run=request.run, picks=picks, pool=chosen.pool)

    def ListStrategies(
        self, request: sampler_pb2.ListStrategiesRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.ListStrategiesResponse:
        """Every strategy with its aliases and one line about it."""
        return sampler_pb2.ListStrategiesResponse(
            strategies=[
                sampler_pb2.Strategy(name=strategy.name, aliases=strategy.aliases, description=strategy.description)
                for strategy in STRATEGIES
            ]
        )


def registration(store: ArtifactStore) -> Registration:
    """The sampler, ready to be served."""
    return Registration(
        "activelabeler.v1.Sampler",
        lambda server: sampler_pb2_grpc.add_SamplerServicer_to_server(SamplerServicer(store), server),
    )
