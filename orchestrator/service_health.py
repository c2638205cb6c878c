"""Which services of a deployment are healthy, and what each worker computes on."""

from __future__ import annotations

import sys

from orchestrator import clients
from orchestrator.service_settings import OrchestratorSettings
from protos import rpc
from protos.errors import UnavailableError


def tell_health(process: OrchestratorSettings) -> None:
    """A line for each service on standard output, and one for each worker that says on what it computes.

    Raises:
        UnavailableError: when a service is not healthy, or has no address.
    """
    sick = []
    for name in clients.SERVICES:
        address = getattr(process.endpoints, name)
        told = replicas(address, process.tls) if address is not None else []
        lacking = "no answer" if address else f"no address: set ACTIVE_LABELER_ENDPOINTS__{name.upper()}"
        sys.stdout.write(f"{name:<9} {address or '-':<28} {'healthy' if told else lacking}\n")
        for one in sorted((one for one in told if "worker" in one), key=lambda one: one["worker"]):
            sys.stdout.write(f"{'':<9} {one['worker']:<28} {one.get('device', '')}\n")
        if not told:
            sick.append(name)
    if sick:
        raise UnavailableError(f"not healthy: {', '.join(sick)}")


def replicas(address: str, tls: rpc.Tls | None) -> list[dict[str, str]]:
    """The health details of each replica at an address, which answer in turn; empty when none does.

    Replicas without a name count as one.
    """
    with rpc.connect(address, tls=tls) as channel:
        return rpc.replicas(channel)
