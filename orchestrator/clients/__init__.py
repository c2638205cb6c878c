"""The five clients. The loop speaks to these, and to nothing else of the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from orchestrator.clients.caller import Caller
from orchestrator.clients.certainty import CertaintyClient
from orchestrator.clients.embedder import EmbedderClient
from orchestrator.clients.index import IndexClient
from orchestrator.clients.labeler import LabelerClient
from orchestrator.clients.sampler import SamplerClient
from orchestrator.clients.trainer import TrainerClient
from orchestrator.settings import EndpointSettings
from protos import embedder_pb2_grpc, index_pb2_grpc, labeler_pb2_grpc, rpc, sampler_pb2_grpc, trainer_pb2_grpc

SERVICES = ("embedder", "index", "trainer", "sampler", "labeler")


@dataclass
class Clients:
    """One client a service.

    Attributes:
        channels: by name of the service.
        embedders_at_work: how many replicas of the embedder answer, as far as anybody knows.
    """

    embedder: EmbedderClient
    index: IndexClient
    trainer: TrainerClient
    sampler: SamplerClient
    certainty: CertaintyClient
    labeler: LabelerClient
    channels: dict[str, grpc.Channel]
    embedders_at_work: Callable[[], int]

    def wait_until_healthy(self, seconds: float) -> None:
        """Blocks until all five serve.

        Raises:
            UnavailableError: naming the one that does not.
        """
        for name, channel in self.channels.items():
            rpc.wait_until_healthy(channel, name, seconds)

    def close(self) -> None:
        """Ends all calls in flight and closes the channels."""
        for channel in self.channels.values():
            channel.close()


def connect(endpoints: EndpointSettings, call: Caller, tls: rpc.Tls | None = None) -> Clients:
    """Clients of the services at ``endpoints``, all of which are set."""
    embedders = rpc.connect_to_all(endpoints.embedder or "", tls=tls)
    others = [name for name in SERVICES if name != "embedder"]
    channels = {name: rpc.connect(getattr(endpoints, name), tls=tls) for name in others}
    channels["embedder"] = embedders.channel
    return Clients(
        EmbedderClient(embedder_pb2_grpc.EmbedderStub(channels["embedder"]), call),
        IndexClient(index_pb2_grpc.IndexStub(channels["index"]), call),
        TrainerClient(trainer_pb2_grpc.TrainerStub(channels["trainer"]), call),
        SamplerClient(sampler_pb2_grpc.SamplerStub(channels["sampler"]), call),
        CertaintyClient(sampler_pb2_grpc.SamplerStub(channels["sampler"]), call),
        LabelerClient(labeler_pb2_grpc.LabelerStub(channels["labeler"]), call),
        channels,
        embedders.at_work,
    )
