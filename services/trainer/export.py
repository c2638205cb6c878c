"""An encoder and a head to the file that users take home."""

from __future__ import annotations

from pathlib import Path

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.encoders.files import load_encoder
from services.trainer.final_model import VERSION, model_bytes
from services.trainer.heads import load_head
from services.trainer.network import EncoderWithHead


def export(store: ArtifactStore, encoder: Artifact, head: Artifact, positive_name: str) -> Artifact:
    """Publishes ``final_model.ckpt``.

    Raises:
        InvalidInputError: when the head takes other embeddings than the encoder gives.
        DamagedError: when an artifact is not what its reference says.
    """

    def write(path: Path) -> None:
        spec, network = load_encoder(store.open(encoder))
        loaded, record = load_head(store.open(head))
        if record.shape.dim != spec.dim:
            raise InvalidInputError(
                f"the encoder gives {spec.dim} numbers, the head takes {record.shape.dim}; export a pair that belongs together"
            )
        path.write_bytes(model_bytes(EncoderWithHead(network, loaded), spec, positive_name))

    name = digest_of("final", VERSION, encoder.sha256, head.sha256, positive_name)
    return store.once(f"models/{name}.ckpt", write)[0]
