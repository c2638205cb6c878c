"""``python -m services.trainer``: starts the trainer."""

from __future__ import annotations

from collections.abc import Sequence

from protos.rpc import Registration
from protos.trainer_pb2_grpc import add_TrainerServicer_to_server
from services.common.artifacts import open_store
from services.common.process import run_service
from services.common.settings import read_settings
from services.trainer.servicer import TrainerServicer
from services.trainer.settings import TrainerSettings


def main() -> None:
    """Reads the settings from the environment and serves until it is told to stop."""
    settings = read_settings(TrainerSettings)

    def services() -> Sequence[Registration]:
        servicer = TrainerServicer(open_store(settings.artifacts), settings)
        return [
            Registration(
                "activelabeler.v1.Trainer",
                lambda server: add_TrainerServicer_to_server(servicer, server),
                servicer.devices.details,
            )
        ]

    run_service(settings, services)


if __name__ == "__main__":
    main()
