"""Coming in: the page of a join link, the cookie it asks for, and who one is."""

from __future__ import annotations

import io
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from protos.errors import ConflictError, InvalidInputError
from services.labeler.access import Access
from services.labeler.links import LinkMaker
from services.labeler.loop import Loop
from services.labeler.web.places import DOOR

_YEAR_S = 365 * 24 * 3600


class Token(BaseModel):
    """What stands behind the '#' of a link."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=500)]


def router(access: Access, links: LinkMaker, loop: Loop) -> APIRouter:
    """The routes at the door of a labeler, and the link to pass on.

    Args:
        loop: pages offer nothing of it where there is none to ask.
    """
    routes = APIRouter()

    @routes.get("/join")
    async def door() -> FileResponse:
        return FileResponse(DOOR / "join.html", headers={"Cache-Control": "no-store"})

    @routes.post("/join")
    async def join(request: Request, body: Token) -> Response:
        if access.is_open:
            return JSONResponse({"role": "admin"})
        role = access.role_of(body.token)
        if role is None:
            raise InvalidInputError("this link lets nobody in any more; ask for a new one")
        answer = JSONResponse({"role": role})
        # No path: the browser takes the folder of this address, which is right behind a proxy's prefix, too.
        answer.set_cookie(
            access.cookie,
            body.token,
            max_age=_YEAR_S,
            path=None,
            httponly=True,
            samesite="strict",
            secure=_is_secure(request),
        )
        return answer

    @routes.get("/api/me")
    async def me(request: Request) -> dict[str, Any]:
        return {
            "role": request.state.role,
            "access": "open" if access.is_open else "token",
            "loop": loop.is_known,
        }

    @routes.get("/api/links")
    async def to_pass_on() -> dict[str, Any]:
        """Where others get in, for admins to tell them; the admins' own link is no page's to know."""
        made = links.links()
        return {"annotator": made.annotator, "local": made.is_local}

    @routes.get("/api/links/code")
    async def to_scan() -> Response:
        """The same link as a picture for phones."""
        made = links.links()
        if made.is_local:
            raise ConflictError(
                f"only this machine opens {made.page}, so no phone could; start the run with --share, or set"
                " ACTIVE_LABELER_WEB_URL to the address that others open"
            )
        return Response(code_of(made.annotator), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    return routes


def code_of(text: str) -> bytes:
    """A QR code of a text as SVG, dark on white in whatever colours the page has: phones want it so."""
    drawn = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(drawn, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return drawn.getvalue()


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy: only then it would send a secure cookie back."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
