"""A network of PyTorch -> a model of OpenVINO that takes pixels."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from protos.errors import InvalidInputError
from services.common.encoders.spec import EncoderSpec, OnnxSpec
from services.embedder.openvino.library import library

_TRACED_ROWS = 2  # with one, a batch could be taken for a constant


def is_for_others(spec: EncoderSpec) -> bool:
    """Whether an encoder is none for OpenVINO: an ONNX file, or hog."""
    return isinstance(spec, OnnxSpec) or spec.architecture == "hog"


def check_suits(spec: EncoderSpec) -> None:
    """Refuses encoders that others compute.

    Raises:
        InvalidInputError: with the remedy.
    """
    if isinstance(spec, OnnxSpec):
        raise InvalidInputError(
            "encoder.backend is openvino, but ONNX files are computed by onnxruntime; set it to auto, or leave it out"
        )
    if spec.architecture == "hog":
        raise InvalidInputError("encoder.backend is openvino, but hog is no network; set it to auto, or leave it out")


def model_of(network: nn.Module, spec: EncoderSpec) -> Any:
    """The model: uint8 [n, side, side, 3] to float32 [n, dim]. It shares the weights of the network.

    Raises:
        InvalidInputError: when the network cannot be converted, with the reason.
        ConflictError: when openvino is not installed.
    """
    ov = library()
    side = spec.image_size
    images = torch.zeros(_TRACED_ROWS, 3, side, side)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing speaks to who writes networks
            model = _converted(ov, network, images)
        model.reshape([-1, 3, side, side])
        return _taking_pixels(ov, model)
    except Exception as error:  # of a network that cannot be traced, or an operator that is not known
        logging.getLogger(__name__).debug("not converted", exc_info=True)
        raise InvalidInputError(
            f"OpenVINO cannot compute {spec.architecture}: {reason_of(error)}; set encoder.backend to torch"
        ) from error


def _converted(ov: Any, network: nn.Module, images: Tensor) -> Any:
    """As ``openvino.convert_model`` does it, which would also change the log of the whole process meanwhile."""
    decoding = import_module("openvino.frontend.pytorch.ts_decoder")
    trace: Any = torch.jit.trace
    traced = trace(network, images, check_trace=False, strict=False)  # what came of it is checked later
    decoder = decoding.TorchScriptPythonDecoder(traced, example_input=images)  # the front end does not keep it alive
    front_end = ov.frontend.FrontEndManager().load_by_framework("pytorch")
    return front_end.convert(front_end.load(decoder))


def _taking_pixels(ov: Any, model: Any) -> Any:
    """The model with the way from bytes in the order of the pixels in front of it."""
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.output().tensor().set_element_type(ov.Type.f32)
    return steps.build()


def reason_of(error: BaseException) -> str:
    """An error in one short line; OpenVINO writes pages, with what went wrong in the last lines."""
    lines = [line.strip("- ") for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:240]
