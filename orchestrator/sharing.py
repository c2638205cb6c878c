"""The links that let people in to the labeling page: in words, as a code to scan, and as a command."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import segno

from orchestrator.clients.labeler import Links, links_at, links_of
from orchestrator.folder import RunFolder, open_existing
from orchestrator.service_settings import OrchestratorSettings, read_orchestrator_settings
from orchestrator.standing import report_of
from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import NotFoundError

_PATIENCE_S = 20.0
_TO_LABEL = "To label, for whoever you give it to:        "
_TO_STEER = "To steer the loop, for you alone (private):  "
_USUAL = Path("runtime")
_FOR_OTHERS = (
    "--share at the start of the run, or, for a labeler on its own, ACTIVE_LABELER_WEB_URL with the address that they"
    " open"
)
_FOR_OTHERS_DEPLOYED = (
    "ACTIVE_LABELER_WEB_URL with the address that they open, for the labeler; in the stack of containers in .env, with"
    " ACTIVE_LABELER_WEB_BIND=0.0.0.0 beside it"
)


def link(runtime: Path | None) -> None:
    """Prints the links of the labeler that a run here, or a deployment, uses.

    Args:
        runtime: folder of a run at work here, or, finished or not, of the deployment that the environment names: its page is the
            same for all of its runs. Not given: that deployment, or else the usual folder.

    Raises:
        NotFoundError: when there is no such run, or it is not at work.
        UnavailableError: when nobody answers.
    """
    process = read_orchestrator_settings()
    folder = open_existing(runtime.absolute()) if runtime is not None else None
    if process.control is not None:
        links = _of_control(process.control, process)
    else:
        links = links_at(_address(folder, process), process.tls)
    is_deployed = process.control is not None or bool(process.endpoints.labeler)
    sys.stdout.write(f"{described(links, _FOR_OTHERS_DEPLOYED if is_deployed else _FOR_OTHERS)}\n")


def described(links: Links, for_others: str = _FOR_OTHERS) -> str:
    """Links in words, the one to pass on first, also as a code to scan where other machines can open it.

    Args:
        links: of the labeler.
        for_others: what to do where only this machine opens them.
    """
    lines = [
        f"The page is at {links.page} and asks for no token." if links.is_open else f"{_TO_LABEL}{links.annotator}"
    ]
    if not links.local:
        lines.append(code(links.annotator))
    if not links.is_open:
        lines.append(f"{_TO_STEER}{links.admin}")
    if links.local:
        lines.append(f"Only this machine opens that. For others: {for_others}.")
    return "\n".join(lines)


def code(text: str) -> str:
    """A QR code of a text, for a terminal."""
    drawn = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")


def _address(folder: RunFolder | None, process: OrchestratorSettings) -> str:
    return process.endpoints.labeler or _labeler_of(folder or open_existing(_USUAL.absolute()))


def _labeler_of(folder: RunFolder) -> str:
    try:
        return str(json.loads(folder.services.read_bytes())["labeler"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        if report_of(folder) is not None:
            raise NotFoundError(
                f"the run in {folder.path} is finished, and its page closed with it; `active-labeler status {folder.path}`"
                " tells what it found"
            ) from error
        raise NotFoundError(
            f"the run in {folder.path} is not at work, so its page is closed; go on with"
            f" `active-labeler resume {folder.path}`"
        ) from error


def _of_control(address: str, process: OrchestratorSettings) -> Links:
    channel = rpc.connect(address, timeout_s=_PATIENCE_S, tls=process.tls)
    try:
        return links_of(control_pb2_grpc.ControlStub(channel).GetPageLinks(control_pb2.GetPageLinksRequest()))
    finally:
        channel.close()
