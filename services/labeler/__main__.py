"""``python -m services.labeler``: one process with a gRPC side and a web side."""

from __future__ import annotations

from functools import partial

from protos import labeler_pb2_grpc
from protos.rpc import Registration
from services.common.process import run_service
from services.common.settings import read_settings
from services.labeler.parts import Labeler
from services.labeler.servicer import LabelerServicer
from services.labeler.settings import LabelerSettings
from services.labeler.web.connections import allow_files


def main() -> None:
    """Serves until it is told to stop."""
    settings = read_settings(LabelerSettings)
    running: list[Labeler] = []

    def parts() -> list[Registration]:
        allow_files()
        labeler = Labeler(settings)
        running.append(labeler)
        servicer = LabelerServicer(labeler.desk, labeler.links, labeler.browsing)
        return [
            Registration("activelabeler.v1.Labeler", partial(labeler_pb2_grpc.add_LabelerServicer_to_server, servicer))
        ]

    try:
        run_service(settings, parts)
    finally:
        for labeler in running:
            labeler.close()


if __name__ == "__main__":
    main()
