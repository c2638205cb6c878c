"""Flags and notes on images."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from protos.errors import InvalidInputError
from services.labeler.desk import Desk
from services.labeler.model import Remark
from services.labeler.text import clean
from services.labeler.web.asking import RunName
from services.labeler.web.messages import Number

MOST = 500  # characters of a note


class Remarked(BaseModel):
    """A flag, a note, or both."""

    model_config = ConfigDict(extra="forbid")

    item: Number
    annotator: Annotated[str, Field(max_length=200)] = ""
    flag: StrictBool = False
    note: Annotated[str, Field(max_length=2 * MOST)] = ""

    def remark(self) -> Remark:
        """The same in the words of the core.

        Raises:
            InvalidInputError: when it says nothing.
        """
        note = clean(self.note, MOST)
        if not self.flag and not note:
            raise InvalidInputError("the remark has neither a flag nor a note; write something, or flag the image")
        return Remark(self.item, clean(self.annotator, 80) or "anonymous", self.flag, note)


def router(desk: Desk) -> APIRouter:
    """The routes over a desk."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.post("/remarks")
    async def remark(run: RunName, body: Remarked) -> dict[str, Any]:
        future = await asyncio.to_thread(desk.remark, run, body.remark())
        await asyncio.shield(asyncio.wrap_future(future))
        return {"run": run, "item": body.item}

    @routes.get("/remarks")
    async def remarks(run: RunName) -> dict[str, Any]:
        found = await asyncio.to_thread(desk.remarks, run)
        said = [{"item": r.item, "annotator": r.annotator, "flag": r.flag, "note": r.note} for r in found]
        return {"run": run, "remarks": said}

    return routes
