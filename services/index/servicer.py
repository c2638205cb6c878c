"""Translates: requests to parameters and arrays, neighbours to messages."""

from __future__ import annotations

import grpc

from protos import index_pb2, index_pb2_grpc
from protos.errors import InvalidInputError
from protos.rpc import Registration
from protos.wire import from_items, from_vectors
from services.common.artifacts import ArtifactStore
from services.index.cache import OpenGenerations
from services.index.generations import Generations
from services.index.parameters import BuildParameters
from services.index.projection import Maps


class IndexServicer(index_pb2_grpc.IndexServicer):
    """The index's side of its contract.

    Args:
        store: where blocks are read and generations are published.
        open_generations: how many are kept open for queries.
    """

    def __init__(self, store: ArtifactStore, open_generations: int) -> None:
        self._generations = Generations(store)
        self._maps = Maps(store)
        self._open = OpenGenerations(store, self._generations, open_generations)

    def Build(self, request: index_pb2.BuildRequest, context: grpc.ServicerContext) -> index_pb2.BuildResponse:
        """Builds a generation, or finds it."""
        parameters = BuildParameters(
            rows=request.rows,
            dim=request.dim,
            metric=request.metric or "euclidean",
            num_trees=request.num_trees,
            n_jobs=request.n_jobs or 1,
            seed=request.seed,
        )
        generation, seconds = self._generations.build(parameters, request.blocks)
        return index_pb2.BuildResponse(run=request.run, generation=generation, seconds=seconds)

    def Project(self, request: index_pb2.ProjectRequest, context: grpc.ServicerContext) -> index_pb2.ProjectResponse:
        """The map of a generation, drawn or found."""
        points = self._maps.of(self._generations.get(request.generation))
        return index_pb2.ProjectResponse(run=request.run, points=points)

    def Neighbours(
        self, request: index_pb2.NeighboursRequest, context: grpc.ServicerContext
    ) -> index_pb2.NeighboursResponse:
        """Searches an open generation."""
        searched = self._open.get(request.generation)
        how = request.k, request.search_k, request.exact
        match request.WhichOneof("query"):
            case "items":
                found = searched.of_items(from_items(request.items), *how)
            case "vectors":
                found = searched.of_vectors(from_vectors(request.vectors), *how)
            case _:
                raise InvalidInputError("the query is empty; give items or vectors to find neighbours of")
        lists = [index_pb2.Neighbourhood(item=items, distance=distances) for items, distances in found]
        return index_pb2.NeighboursResponse(run=request.run, neighbourhoods=lists)


def registration(store: ArtifactStore, open_generations: int) -> Registration:
    """The index, ready to be served."""
    servicer = IndexServicer(store, open_generations)
    return Registration(
        "activelabeler.v1.Index",
        lambda server: index_pb2_grpc.add_IndexServicer_to_server(servicer, server),
    )
