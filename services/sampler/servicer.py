"""Translates: messages to arrays, picks to messages."""

from __future__ import annotations

from functools import partial

import grpc
import numpy as np

from protos import sampler_pb2, sampler_pb2_grpc
from protos.rpc import Registration
from protos.wire import from_items, from_labels
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore
from services.sampler.assessment_servicer import AssessmentServicer
from services.sampler.clusters import clusters_of
from services.sampler.registry import Registry, set_by_alias
from services.sampler.selection import Around, select
from services.sampler.strategies.strategy import Strategy


class SamplerServicer(AssessmentServicer, sampler_pb2_grpc.SamplerServicer):
    """The sampler's side of its contract; it keeps nothing between calls.

    Args:
        store: the artifacts.
        registry: the strategies that there are.
    """

    def __init__(self, store: ArtifactStore, registry: Registry) -> None:
        self._store, self._registry = store, registry

    def Select(self, request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        """Picks items; the same request always gives the same picks."""
        strategy = self._registry.find(request.strategy)
        scores = None
        if request.HasField("scores"):
            scores = map_array(self._store.open(request.scores), np.float32, 1)
        present = map_array(self._store.open(request.present), np.bool_, 1)
        rng = np.random.default_rng([request.seed, request.round])
        around = self._around(request)
        chosen = select(strategy, scores, present, from_items(request.excluded), request.count, rng, around)
        picks = [
            sampler_pb2.Pick(item=item, reason=reason, score=score)
            for item, reason, score in zip(chosen.items.tolist(), chosen.reasons, chosen.scores.tolist(), strict=True)
        ]
        return sampler_pb2.SelectResponse(run=request.run, picks=picks, pool=chosen.pool)

    def _around(self, request: sampler_pb2.SelectRequest) -> Around:
        vectors = committee = clusters = None
        if request.HasField("vectors"):
            vectors = map_array(self._store.open(request.vectors), np.float32, 2)
            clusters = partial(clusters_of, self._store, request.vectors, request.present)
        if request.HasField("committee"):
            committee = map_array(self._store.open(request.committee), np.float32, 2)
        return Around(
            vectors=vectors,
            labelled=from_labels(request.labels),
            committee=committee,
            clusters=clusters,
            threshold=request.threshold or 0.5,
            parameters=set_by_alias(request.strategy) | dict(request.parameters),
            candidates=from_items(request.candidates),
            no_closer_than=request.no_closer_than,
            anchors=request.anchors,
        )

    def ListStrategies(
        self, request: sampler_pb2.ListStrategiesRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.ListStrategiesResponse:
        """Every strategy with its aliases, parameters and one line about it."""
        return sampler_pb2.ListStrategiesResponse(
            strategies=[_described(strategy) for strategy in self._registry.strategies]
        )


def _described(strategy: Strategy) -> sampler_pb2.Strategy:
    return sampler_pb2.Strategy(
        name=strategy.name,
        aliases=strategy.aliases,
        description=strategy.description,
        needs=strategy.needs,
        parameters=[
            sampler_pb2.Parameter(name=p.name, default=p.default, description=p.description)
            for p in strategy.parameters
        ],
        paper=strategy.paper,
        committee=strategy.committee,
    )


def registration(store: ArtifactStore, registry: Registry | None = None) -> Registration:
    """The sampler, ready to be served."""
    servicer = SamplerServicer(store, registry or Registry())
    return Registration(
        "activelabeler.v1.Sampler",
        lambda server: sampler_pb2_grpc.add_SamplerServicer_to_server(servicer, server),
    )
