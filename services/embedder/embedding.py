"""One call's blocks: those that are published are named, the others computed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from protos.common_pb2 import Encoder
from protos.embedder_pb2 import Block
from services.common.artifacts import ArtifactStore
from services.common.catalog import Catalog
from services.common.devices import describe_device
from services.common.telemetry import timed
from services.embedder.metrics import IMAGES, UNREADABLE
from services.embedder.shards import Shard, check_range, compute_blocks, find_blocks
from services.embedder.workers import Workers

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedShard:
    """The blocks in order, how many were computed now, and on which device."""

    blocks: list[Block]
    computed: int
    device: str


def embed_shard(
    store: ArtifactStore,
    catalog: Catalog,
    shard: Shard,
    encoder: Encoder,
    device_name: str,
    workers: Workers,
    wanted: Callable[[], bool] = lambda: True,
) -> EmbeddedShard:
    """Embeds the blocks of a shard.

    Args:
        store: where blocks are published.
        catalog: of the data set.
        shard: which blocks, and how.
        encoder: the artifact of the encoder.
        device_name: "auto", "cpu", "cuda" or "cuda:N"; "": that of the settings.
        workers: device, threads, encoders in memory.
        wanted: whether anybody still waits for the answer.

    Raises:
        InvalidInputError: when the catalog has no such blocks, or the device is not known.
        NotFoundError, DamagedError: when an artifact or the data folder is not there, or not whole.
    """
    check_range(catalog, shard)
    device = describe_device(workers.device_of(device_name))
    blocks = find_blocks(store, catalog, shard)
    missing = [block for block, found in blocks.items() if found is None]
    if missing:
        with (
            workers.encoder(encoder, device_name, shard.backend) as loaded,
            timed(log, f"embedded {len(missing)} blocks") as facts,
        ):
            device = facts["device"] = describe_device(loaded.device)
            way = replace(shard, backend=loaded.backend)
            for block, computed in compute_blocks(store, catalog, way, missing, loaded, workers, wanted):
                blocks[block] = computed
                IMAGES.labels(device).inc(computed.rows)
                UNREADABLE.inc(computed.quarantined)
    return EmbeddedShard([block for block in blocks.values() if block is not None], len(missing), device)
