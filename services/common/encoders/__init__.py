"""Image encoders: their description, their networks, their files, and what they take as input."""

from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec

__all__ = ["EncoderSpec", "build_network", "load_encoder", "save_encoder", "to_batch"]
