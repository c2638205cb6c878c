"""Where people reach the page, and what that means for the names and frames that it accepts."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from protos.errors import InvalidInputError

# Where Google Colab shows the ports of its machines, to the owner of the notebook alone.
_COLAB_NAMES = (".googleusercontent.com", ".colab.dev")
_COLAB_FRAMES = ("https://colab.research.google.com", "https://*.googleusercontent.com")
_NOTEBOOKS = ("http://localhost:*", "http://127.0.0.1:*")  # of this machine


@dataclass(frozen=True)
class Preset:
    """What a place brings along.

    Attributes:
        names: under which the page is reached, beyond localhost.
        frames: addresses of pages that may show it in a frame.
        numbers: whether addresses of numbers beyond this machine are accepted, as phones in a network use them.
    """

    names: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    numbers: bool = True


def preset_of(place: str, url: str) -> Preset:
    """The preset of a place.

    Args:
        place: "auto", "localhost", "lan", "proxy" or "colab".
        url: of the page for people behind a proxy.

    Raises:
        InvalidInputError: when the page is behind a proxy that nobody has named.
    """
    if place == "proxy" and not url:
        raise InvalidInputError(
            "ACTIVE_LABELER_WEB_PLACE is proxy, and ACTIVE_LABELER_WEB_URL is not set; set it to the address that people open"
        )
    colab = Preset(_COLAB_NAMES, _COLAB_FRAMES, numbers=False)
    if place == "auto":
        return Preset(colab.names, colab.frames) if "COLAB_RELEASE_TAG" in os.environ else Preset()
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    return {
        "localhost": Preset(frames=_NOTEBOOKS, numbers=False),
        "lan": Preset(names=tuple(dict.fromkeys((own, short, f"{short}.local")))),
        "proxy": Preset(numbers=False),
        "colab": colab,
    }[place]
