"""Commands of whoever operates a deployment; each says what it has done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from protos.errors import InvalidInputError


def certificates(
    folder: Annotated[Path, typer.Argument(help="gets the authority, and a folder for each process")],
    hosts: Annotated[
        list[str] | None,
        typer.Option("--host", help="name or address of a machine where processes run; several times for several"),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="how long they are valid")] = 365,
) -> None:
    """Make certificates for mutual TLS between the services: an authority of your own, and one certificate a process.

    The second time, with the same folder, the authority is kept and the certificates are renewed.
    """
    try:
        from orchestrator.certificates import write_certificates
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            "certificates are made by the package cryptography, which is not installed: pip install 'active-labeler[tls]'"
        ) from error
    made = write_certificates(folder, hosts or [], days)
    sys.stdout.write(
        f"{folder / 'authority.key'} signs: keep it here, and give it to nobody.\n"
        + "".join(f"{own.name:<13} {own}\n" for own in made)
        + "Each process gets its folder alone: ACTIVE_LABELER_TLS_CERTIFICATE=.../certificate.pem, _TLS_KEY=.../key.pem and"
        " _TLS_AUTHORITY=.../authority.pem.\n"
    )
