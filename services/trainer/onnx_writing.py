"""The final model as ONNX: images in, probabilities out, compared with PyTorch's own before anybody sees it.

Input ``images``: float32 [n, 3, side, side], RGB, 0-255. Output ``probability``: float32 [n]. Metadata: one entry
``active_labeler_model`` (`about_model`), and its most wanted parts by themselves.
"""

from __future__ import annotations

import json
import logging
import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from protos.errors import InvalidInputError
from services.common.encoders.spec import OnnxSpec
from services.trainer.about_model import KEY, AboutModel, preprocessing
from services.trainer.network import EncoderWithHead

log = logging.getLogger(__name__)
MOST_DIFFERENCE = 1e-4  # of a probability
_INSTALL = "install them with `pip install 'active-labeler[onnx]'` where the trainer runs, or choose another format"


class _Probability(nn.Module):
    """Images float32 [n, 3, side, side], 0-255, to probabilities [n]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities [n]."""
        logits: Tensor = self.network(images)
        return logits.sigmoid()


def onnx_bytes(network: EncoderWithHead, about: AboutModel) -> bytes:
    """The content of a model's file, checked.

    Args:
        network: in evaluation mode, on the processor.
        about: what it is.

    Raises:
        InvalidInputError: when the packages that write ONNX are not installed, the encoder itself came as ONNX, the network has a
            part that ONNX cannot express, or the file gives other probabilities than the network.
    """
    if isinstance(about.encoder, OnnxSpec):
        raise InvalidInputError(
            "this encoder came as an ONNX file, and is not written into another one; export the model as ckpt or safetensors,"
            " which hold the file as it is"
        )
    absent = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if absent:
        raise InvalidInputError(f"a model in ONNX needs {' and '.join(absent)}, not installed here; {_INSTALL}")
    whole, side = _Probability(network).eval(), about.encoder.image_size
    model = _exported(whole, side)
    for key, value in _metadata(about).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    content: bytes = model.SerializeToString(deterministic=True)
    _check(content, whole, side)
    return content


def _exported(whole: nn.Module, side: int) -> Any:
    """The network as an `onnx.ModelProto`, without the traces of this machine that the exporter leaves in it."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # about the exporter's own parts
            program = torch.onnx.export(
                whole,
                (torch.zeros(2, 3, side, side),),
                dynamo=True,
                input_names=["images"],
                output_names=["probability"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
    except Exception as error:  # the exporter raises anything
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InvalidInputError(f"this network cannot be written as ONNX: {reason}; choose another format") from error
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
    assert program is not None
    model: Any = program.model_proto
    _forget(model)
    return model


def _forget(model: Any) -> None:
    """Removes stack traces, which name files of the machine, and other notes of the exporter."""
    del model.metadata_props[:]
    model.doc_string = ""
    del model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]


def _metadata(about: AboutModel) -> dict[str, str]:
    return {
        KEY: about.to_json(),
        "positive_name": about.positive_name,
        "threshold": f"{about.threshold!r}",
        "preprocessing": json.dumps(preprocessing(about.encoder), sort_keys=True),
    }


def _check(content: bytes, whole: nn.Module, side: int) -> None:
    """Compares both on noise and on flat images, where a division by zero would show."""
    if find_spec("onnxruntime") is None:
        log.warning("onnxruntime is not installed: the ONNX file was not compared with PyTorch's results")
        return
    images = _trial_images(side)
    with torch.no_grad():
        expected = whole(torch.from_numpy(images)).numpy()
    found = _run(content, images)
    difference = float(np.abs(found - expected).max())
    if not difference <= MOST_DIFFERENCE:  # not-a-number fails, too
        raise InvalidInputError(
            f"the ONNX file gives probabilities that differ by {difference:.2g} from PyTorch's, more than {MOST_DIFFERENCE:g};"
            " choose another format"
        )


def _trial_images(side: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(0).integers(0, 256, (5, 3, side, side)).astype(np.float32)
    ramp = np.broadcast_to(np.linspace(0, 255, side, dtype=np.float32), (1, 3, side, side))
    flat = [np.full((1, 3, side, side), value, dtype=np.float32) for value in (0, 128, 255)]
    return np.concatenate([noise, ramp, *flat])


def _run(content: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = np.asarray(session.run(["probability"], {"images": images})[0])
    return result
