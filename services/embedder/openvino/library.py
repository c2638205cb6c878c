"""The package ``openvino``, without its reports to its makers."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from protos.errors import ConflictError

_importing = threading.Lock()
_REPORTS = "openvino_telemetry"  # comes with it, and sends a word to a server at each import and conversion


def is_installed() -> bool:
    """Whether the package is there; nothing is imported."""
    return find_spec("openvino") is not None


def library() -> Any:
    """The package ``openvino``. What reports its use is kept from being imported, and then it does without.

    Raises:
        ConflictError: when it is not installed, or cannot be imported.
    """
    with _importing:
        if _REPORTS not in sys.modules:
            sys.modules[_REPORTS] = None  # type: ignore[assignment]  # an import of it fails from now on
        try:
            return import_module("openvino")
        except ImportError as error:
            raise ConflictError(
                f"encoder.backend is openvino, but that package is not there ({error}); install active-labeler[openvino] where"
                " the embedder runs, or set encoder.backend to torch"
            ) from error
