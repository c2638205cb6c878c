"""The sampler's client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef, GenerationRef, Pick
from protos import common_pb2, sampler_pb2
from protos.wire import to_items, to_labels

_NOBODY: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True)
class Wishes:
    """What a selection may be told beyond strategy and scores.

    Attributes:
        labelled: items with a yes or a no, [n] uint64, and whether it was yes, [n] bool.
        parameters: of the strategy, by name.
        committee: what several heads say.
        candidates: only these may be picked; all, when empty.
        no_closer_than: the largest cosine between two picks; 0: no limit.
        anchors: so many items of the pool, by lot, are looked at; 0: all.
        threshold: the probability where yes begins.
    """

    labelled: tuple[NDArray[np.uint64], NDArray[np.bool_]] = (_NOBODY, np.empty(0, dtype=np.bool_))
    parameters: Mapping[str, float] = field(default_factory=dict)
    committee: ArtifactRef | None = None
    candidates: NDArray[np.uint64] = field(default_factory=lambda: _NOBODY)
    no_closer_than: float = 0.0
    anchors: int = 0
    threshold: float = 0.5


@dataclass(frozen=True)
class StrategyFacts:
    """A strategy as the sampler describes it."""

    name: str
    aliases: tuple[str, ...]
    description: str
    needs: tuple[str, ...]
    parameters: Mapping[str, tuple[float, str]]
    paper: str
    committee: str


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
        wishes: Wishes | None = None,
    ) -> list[Pick]:
        """``count`` items from the pool: embedded, and not among ``excluded`` [n] uint64."""
        wishes = wishes or Wishes()
        request = sampler_pb2.SelectRequest(
            run=run,
            round=number,
            strategy=strategy,
            count=count,
            seed=seed,
            scores=scores.to(common_pb2.Artifact) if scores else None,
            present=generation.present.to(common_pb2.Artifact),
            excluded=to_items(excluded),
            vectors=generation.vectors.to(common_pb2.Artifact),
            labels=to_labels(*wishes.labelled),
            parameters=wishes.parameters,
            committee=wishes.committee.to(common_pb2.Artifact) if wishes.committee else None,
            candidates=to_items(wishes.candidates),
            no_closer_than=wishes.no_closer_than,
            anchors=wishes.anchors,
            threshold=wishes.threshold,
        )
        answer = self._call(self._stub.Select, request, 300)
        return [Pick(item=pick.item, reason=pick.reason, score=pick.score) for pick in answer.picks]

    def strategies(self) -> list[StrategyFacts]:
        """All that there are, those of users among them."""
        answer = self._call(self._stub.ListStrategies, sampler_pb2.ListStrategiesRequest())
        return [
            StrategyFacts(
                s.name,
                tuple(s.aliases),
                s.description,
                tuple(s.needs),
                {p.name: (p.default, p.description) for p in s.parameters},
                s.paper,
                s.committee,
            )
            for s in answer.strategies
        ]
