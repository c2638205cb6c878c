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
from services.trainer.quality import THRESHOLD


def export(
    store: ArtifactStore, encoder: Artifact, head: Artifact, positive_name: str, threshold: float = THRESHOLD
) -> Artifact:
    """Publishes ``final_model.ckpt``.

    Args:
        store: where everything lies.
        encoder: of the embeddings that the head takes.
        head: the head.
        positive_name: what the positive class is called; "" for "positive".
        threshold: images are positive from this probability on.

    Raises:
        InvalidInputError: when the head takes other embeddings than the encoder gives, or the threshold is no probability
            between 0 and 1.
        DamagedError: when an artifact is not what its reference says.
    """
    if not 0 < threshold < 1:  # not-a-number fails, too
        raise InvalidInputError(f"a threshold of {threshold:g} is not between 0 and 1; set final_dataset.threshold")

    def write(path: Path) -> None:
        spec, network = load_encoder(store.open(encoder))
        loaded, record = load_head(store.open(head))
        if record.shape.dim != spec.dim:
            raise InvalidInputError(
                f"the encoder gives {spec.dim} numbers, the head takes {record.shape.dim}; export a pair that belongs together"
            )
        path.write_bytes(model_bytes(EncoderWithHead(network, loaded), spec, positive_name, threshold))

    name = digest_of("final", VERSION, encoder.sha256, head.sha256, positive_name, threshold)
    return store.once(f"models/{name}.ckpt", write)[0]
