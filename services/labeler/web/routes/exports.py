"""Exports for the page: begun, watched, and their files downloaded."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from protos.errors import ConflictError, NotFoundError
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

    @routes.get("/archive")
    async def archive(run: RunName) -> StreamingResponse:
        """All files of the newest export as one, written while it is sent."""
        names = (await asyncio.to_thread(loop.exported, run))["files"]
        if not names:
            raise NotFoundError("there is nothing to download yet; export something first")
        headers = {"Content-Disposition": f'attachment; filename="{run}.zip"', "Cache-Control": "private, no-store"}
        return StreamingResponse(archive_of(loop, run, names), media_type="application/zip", headers=headers)

    return routes


def archive_of(loop: Loop, run: str, names: list[str]) -> Iterator[bytes]:
    """A ZIP of exported files in parts, never whole in memory; it ends early once the run is exported anew.

    Raises:
        ConflictError: then.
    """
    sink, first_number = _Sink(), None
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            first, size, number = loop.exported_part(run, name, 0)
            if first_number not in (None, number):
                raise ConflictError("the run has been exported anew while it was downloaded; download it again")
            first_number = number
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as out:
                for part in _parts(loop, run, name, first, (size, number)):
                    out.write(part)
                    yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes what is written, until somebody takes it away; nothing is read back or changed."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What has been written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken


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
