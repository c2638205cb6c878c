"""``python -m services.sampler``: reads the settings, builds the parts, serves."""

from __future__ import annotations

from services.common.artifacts import open_store
from services.common.process import run_service
from services.common.settings import read_settings
from services.sampler.added import with_added
from services.sampler.servicer import registration
from services.sampler.settings import SamplerSettings


def main() -> None:
    """Serves until it is told to stop."""
    settings = read_settings(SamplerSettings)
    run_service(settings, lambda: [registration(open_store(settings.artifacts), with_added())])


if __name__ == "__main__":
    main()
