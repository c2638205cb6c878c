"""``python -m services.index``: reads the settings, builds the parts, serves."""

from __future__ import annotations

from services.common.artifacts import open_store
from services.common.process import run_service
from services.common.settings import read_settings
from services.index.servicer import registration
from services.index.settings import IndexSettings


def main() -> None:
    """Serves until it is told to stop."""
    settings = read_settings(IndexSettings)
    run_service(settings, lambda: [registration(open_store(settings.artifacts), settings.open_generations)])


if __name__ == "__main__":
    main()
