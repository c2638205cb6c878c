"""Commands of whoever operates a deployment; each says what it has done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import backup as backups
from orchestrator import config_file
from orchestrator.folder import open_existing
from orchestrator.service_settings import read_orchestrator_settings
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


def backup(
    runtime: Annotated[Path, typer.Argument(help="the runtime folder of the run, at work or not")],
    archive: Annotated[Path, typer.Argument(help="file to write, for example run.tar")],
) -> None:
    """Write a run with its labels into one file, for safety or for another machine; the images are not in it."""
    folder = open_existing(runtime.absolute())
    settings = config_file.load(folder.path / "run.yaml", {"verbose": False})
    files, events = backups.backup(folder, settings, read_orchestrator_settings(), archive.absolute())
    sys.stdout.write(
        f"Run {folder.run}: {files} files and {events} answers in {archive}. Back again, here or elsewhere:"
        f" active-labeler restore {archive.name}\n"
    )


def restore(
    archive: Annotated[Path, typer.Argument(help="a file of `backup`")],
    runtime: Annotated[Path, typer.Option("--runtime", help="folder for the run; there must be nothing in it")] = Path(
        "runtime"
    ),
    output: Annotated[Path, typer.Option("--output", help="folder for final_dataset/ and final_model.ckpt")] = Path(),
) -> None:
    """Make a run of a backup, to go on with the same labels. The images have to be where they were."""
    place = runtime.absolute()
    settings, events = backups.restore(archive, place, output.absolute(), read_orchestrator_settings())
    lacks = f"Put the images into {settings.data}, then go on" if not settings.data.exists() else "Go on"
    sys.stdout.write(f"Restored with {events} answers. {lacks} with `active-labeler resume {place}`\n")
