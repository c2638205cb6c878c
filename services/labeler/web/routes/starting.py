"""New runs for the page: what there is to choose from, and how far a run is until people can label. The gate lets admins only."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.labeler.loop import Loop
from services.labeler.web.asking import RunName
from services.labeler.web.messages import Number, picture_of


class Chosen(BaseModel):
    """What a run is started with: numbers of what `/api/prepared` lists, 0 for none; a picture is base64 of an image file."""

    model_config = ConfigDict(extra="forbid")

    data: Number
    configuration: Number = 0
    encoder: Number = 0
    name: Annotated[str, Field(max_length=200)] = ""
    question: Annotated[str, Field(max_length=500)] = ""
    definition: Annotated[str, Field(max_length=5000)] = ""
    picture: str = ""

    def choice(self) -> dict[str, Any]:
        """In the words of the control contract; without what cannot be seen around texts."""
        texts = {name: getattr(self, name).strip() for name in ("name", "question", "definition")}
        return {**self.model_dump(exclude={"picture"}), **texts, "reference": picture_of(self.picture)}


def router(loop: Loop) -> APIRouter:
    """The routes over a loop."""
    routes = APIRouter(prefix="/api")

    @routes.get("/prepared")
    async def prepared() -> dict[str, Any]:
        return await asyncio.to_thread(loop.prepared)

    @routes.post("/start")
    async def start(body: Chosen) -> dict[str, Any]:
        return {"run": await asyncio.to_thread(lambda: loop.start(**body.choice()))}

    @routes.get("/runs/{run}/course")
    async def course(run: RunName) -> dict[str, Any]:
        return await asyncio.to_thread(loop.course, run)

    return routes
