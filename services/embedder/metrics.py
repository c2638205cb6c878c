"""What the embedder counts; images a second are the rate of the first."""

from __future__ import annotations

from prometheus_client import Counter

IMAGES = Counter("active_labeler_images_embedded", "Images embedded and published.", ["device"])
UNREADABLE = Counter("active_labeler_images_unreadable", "Images that could not be read.")
