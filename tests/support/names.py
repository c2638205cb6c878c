"""One name whose addresses change: ``python -m tests.support.names HOSTS``, in a namespace whose hosts file is HOSTS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import grpc

from protos import rpc, sampler_pb2
from tests.support import echo
from tests.support.embedder_process import free_ports

NAME = "workers.test"


def _serve(name: str, number: int, port: int) -> rpc.Server:
    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        return sampler_pb2.SelectResponse(run=name)

    return rpc.serve([echo.service(answer)], f"127.0.0.{number}:{port}")


def main(hosts: Path) -> None:
    """Prints who answers, for each list of addresses: the first, two more, one more, and one less."""
    port = free_ports(1)[0]
    servers = [_serve(name, number, port) for number, name in enumerate("abcd", start=1)]
    spread = None
    for number, here in enumerate(([1], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4]), start=1):
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.{at} {NAME}\n" for at in here))
        spread = spread or rpc.connect_to_all(f"{NAME}:{port}")
        end = time.monotonic() + 10  # as long as a worker that was added may wait for its first call
        while spread.at_work() != len(here) and time.monotonic() < end:
            time.sleep(0.05)
        print(f"{number}:", *sorted({echo.select(spread.channel).run for _ in range(2 * len(here))}))
    assert spread is not None
    spread.channel.close()
    for server in servers:
        server.stop(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
