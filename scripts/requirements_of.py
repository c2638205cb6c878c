"""Prints what one service depends on, from pyproject.toml: ``python scripts/requirements_of.py index [EXTRA ...]``.

Without a service: what all of them depend on. An image installs both first, so that a change of our own code does not download
everything again.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

# What an image has beyond the extra that is named like the service.
_MORE = {
    "embedder": ("hub", "onnxruntime", "turbo", "heic", "geotiff"),
    "trainer": ("hub", "onnxruntime", "heic", "geotiff"),
    "labeler": ("postgres", "heic", "geotiff"),
}
# Of those that are asked for: timm brings PyTorch, OpenVINO 180 MB.
_ONLY = {"timm": ("embedder", "trainer"), "openvino": ("embedder",), "tensorboard": ("trainer",)}


def requirements_of(service: str = "", *more: str) -> list[str]:
    """The common dependencies, those of the extra named ``service``, and those of ``more`` extras where the service can use them.

    Without a service, the common ones alone.

    Raises:
        KeyError: when there is no extra of such a name.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    if not service:
        return list(project["dependencies"])
    wanted = (extra for extra in more if service in _ONLY.get(extra, (service,)))
    extras = (service, *_MORE.get(service, ()), *wanted)
    return [*project["dependencies"], *(name for extra in extras for name in project["optional-dependencies"][extra])]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements_of(*sys.argv[1:])) + "\n")
