"""Exports for the page: begun, watched, and their files downloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from protos.errors import ConflictError
from services.labeler.loop import Loop
from services.labeler.web.asking import RunName

Word = Annotated[str, Field(pattern=r"^[a-z]{1,40}$")]
FileName = Annotated[str, Query(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]


class Wanted(BaseModel):
    """What is to be exported, in the words of `active-labeler export`."""

    model_config = ConfigDict(extra="forbid")

    formats: Annotated[list[Word], Field(max_length=20)] = []
    models: Annotated[list[Word], Field(max_length=20)] = []


def router(loop: Loop) -> APIRouter:
    """The routes over a loop."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.post("/export")
    async def export(run: RunName, body: Wanted) -> dict[str, Any]:
        return await asyncio.to_thread(loop.export, run, body.formats, body.models)

    @routes.get("/export")
    async def exported(run: RunName) -> dict[str, Any]:
        return await asyncio.to_thread(loop.exported, run)

    @routes.get("/download")
    async def download(run: RunName, name: FileName) -> StreamingResponse:
        first, size, number = await asyncio.to_thread(loop.exported_part, run, name, 0)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
            "Cache-Control": "private, no-store",
        }
        parts = _parts(loop, run, name, first, (size, number))
        return StreamingResponse(parts, media_type="application/octet-stream", headers=headers)

    return routes


def _parts(loop: Loop, run: str, name: str, first: bytes, of: tuple[int, int]) -> Iterator[bytes]:
    """The file in parts; it ends early, which a browser tells from its length, once it is another one."""
    part, sent = first, 0
    while part:
        yield part
        sent += len(part)
        if sent >= of[0]:
            return
        part, *now = loop.exported_part(run, name, sent)
        if tuple(now) != of:
            raise ConflictError(f"{name} has been exported anew while it was downloaded; download it again")
