"""Active Labeler from a notebook or a script.

import active_labeler

model = active_labeler.load_model("final_model.ckpt")
model.classify("image.png")  # Classification(label='airplane', positive=True, probability=0.93)

session = active_labeler.start("images", reference="plane.jpg", question="Is there a plane?")
session.show()  # the labeling page, below the cell
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from active_labeler.notebook import Session, start

if TYPE_CHECKING:
    from services.trainer.classifying import Classifier

__all__ = ["Classifier", "Session", "load_model", "start"]


def load_model(path: str | Path) -> Classifier:
    """The classifier in the ``final_model`` of a run; nothing in the file is run.

    Args:
        path: of the file: ``.ckpt`` and ``.safetensors`` need PyTorch, ``.onnx`` needs onnxruntime instead.

    Returns:
        a model with ``classify(image)`` and ``probabilities(images)``; images are paths or Pillow images.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it is something else, or what reads it is not installed.
        DamagedError: when it is not whole.
    """
    from services.trainer.model_files import load  # takes a second, and mostly torch: only when it is wanted

    return load(path)
