"""An encoder and a head to the file that users take home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.encoders.files import load_encoder
from services.trainer.about_model import AboutModel
from services.trainer.final_model import VERSION, model_bytes
from services.trainer.heads import load_head
from services.trainer.network import EncoderWithHead
from services.trainer.onnx_writing import onnx_bytes
from services.trainer.quality import THRESHOLD
from services.trainer.safetensors_model import safetensors_bytes

CKPT = "ckpt"


def _ckpt_bytes(network: EncoderWithHead, about: AboutModel) -> bytes:
    return model_bytes(network, about.encoder, about.positive_name, about.threshold)


FORMATS: dict[str, Callable[[EncoderWithHead, AboutModel], bytes]] = {
    CKPT: _ckpt_bytes,
    "safetensors": safetensors_bytes,
    "onnx": onnx_bytes,
}


def export(
    store: ArtifactStore,
    encoder: Artifact,
    head: Artifact,
    positive_name: str,
    threshold: float = THRESHOLD,
    kind: str = CKPT,
) -> Artifact:
    """Publishes the final model.

    Args:
        store: where everything lies.
        encoder: of the embeddings that the head takes.
        head: the head.
        positive_name: what the positive class is called; "" for "positive".
        threshold: images are positive from this probability on.
        kind: "ckpt", "safetensors" or "onnx".

    Raises:
        InvalidInputError: when the head takes other embeddings than the encoder gives, the threshold is no probability
            between 0 and 1, or the format is not known or cannot be written here.
        DamagedError: when an artifact is not what its reference says.
    """
    if not 0 < threshold < 1:  # not-a-number fails, too
        raise InvalidInputError(f"a threshold of {threshold:g} is not between 0 and 1; set final_dataset.threshold")
    if kind not in FORMATS:
        raise InvalidInputError(f"there is no model format {kind!r}; it takes {', '.join(FORMATS)}")

    def write(path: Path) -> None:
        spec, network = load_encoder(store.open(encoder))
        loaded, record = load_head(store.open(head))
        if record.shape.dim != spec.dim:
            raise InvalidInputError(
                f"the encoder gives {spec.dim} numbers, the head takes {record.shape.dim}; export a pair that belongs together"
            )
        about = AboutModel(spec, asdict(record.shape), positive_name or "positive", threshold)
        path.write_bytes(FORMATS[kind](EncoderWithHead(network, loaded).eval(), about))

    name = digest_of("final", VERSION, encoder.sha256, head.sha256, positive_name, threshold)
    return store.once(f"models/{name}.{kind}", write)[0]
