"""``python -m services.embedder``: reads the settings, builds the parts, serves."""

from __future__ import annotations

from services.common.artifacts import open_store
from services.common.process import run_service
from services.common.settings import read_settings
from services.embedder.servicer import registration
from services.embedder.settings import EmbedderSettings


def main() -> None:
    """Serves until it is told to stop."""
    settings = read_settings(EmbedderSettings)
    run_service(settings, lambda: [registration(open_store(settings.artifacts), settings)])


if __name__ == "__main__":
    main()
