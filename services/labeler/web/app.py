"""The web application: a page, and four things that it may ask for."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from protos.errors import ActiveLabelerError
from services.labeler.access import OPEN, Access
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.links import LinkMaker
from services.labeler.loop import Loop
from services.labeler.pictures.display import media_type
from services.labeler.pictures.shelf import Shelf
from services.labeler.web.asking import RunName, is_admin
from services.labeler.web.counter import LOOKS, MOST_ITEM, PICTURE_CACHING, Counter, settled
from services.labeler.web.failures import body_of, status_and_sentence
from services.labeler.web.messages import Finish, LoopAnswer, Sync, describe_run
from services.labeler.web.places import DOOR, STATIC
from services.labeler.web.routes import (
    answers,
    atlas,
    exports,
    join,
    news,
    people,
    pictures,
    pieces,
    quarantine,
    remarks,
    starting,
    views,
)
from services.labeler.web.routes.views import Views

Item = Annotated[int, InPath(ge=0, le=MOST_ITEM)]


def build_app(
    desk: Desk,
    shelf: Shelf,
    loop: Loop,
    access: Access = OPEN,
    links: LinkMaker | None = None,
    browsing: Browsing | None = None,
    counter: Counter | None = None,
) -> FastAPI:
    """The application over a desk, with a window on the loop; who gets as far as here, the gate has decided."""
    counter = counter or Counter(desk, shelf)
    app = FastAPI(title="Active Labeler", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _explain_errors(app)

    @app.get("/api/runs")
    async def list_runs() -> dict[str, Any]:
        known = await asyncio.to_thread(desk.runs)
        return {"runs": [describe_run(run, waiting) for run, waiting in known]}

    @app.post("/api/runs/{run}/sync")
    async def sync(run: RunName, body: Sync) -> dict[str, Any]:
        return await counter.exchange(run, body.visit())

    @app.post("/api/runs/{run}/finish")
    async def finish(run: RunName, body: Finish) -> dict[str, Any]:
        withdrawn = await settled(desk.withdraw(run, body.round))
        return {"run": run, "round": body.round, "withdrawn": withdrawn}

    @app.get("/api/runs/{run}/loop")
    async def loop_of(run: RunName, request: Request) -> dict[str, Any]:
        words = await asyncio.to_thread(loop.status, run)
        return words if is_admin(request) else news.for_others(words)

    @app.get("/api/runs/{run}/asks")
    async def asks(run: RunName) -> dict[str, Any]:
        return await asyncio.to_thread(loop.waiting, run)

    @app.post("/api/runs/{run}/loop")
    async def answer(run: RunName, body: LoopAnswer) -> dict[str, Any]:
        accepted = await asyncio.to_thread(loop.answer, run, body.question, body.answer)
        return {"run": run, "accepted": accepted}

    @app.get("/api/runs/{run}/images/{item}")
    async def image(
        run: RunName, item: Item, size: Literal["tile", "screen", "full"] = "screen", levels: Literal["", "auto"] = ""
    ) -> Response:
        data = await counter.picture(run, item, LOOKS[size, levels])
        return Response(data, media_type=media_type(data), headers={"Cache-Control": PICTURE_CACHING})

    seen = Views(desk, shelf, loop, browsing or Browsing(desk))
    app.include_router(views.router(seen, loop))
    app.include_router(answers.router(seen, desk))
    app.include_router(people.router(seen, desk))
    app.include_router(remarks.router(desk))
    app.include_router(pictures.router(desk, shelf))
    app.include_router(pieces.router(counter))
    app.include_router(news.router(loop, seen.dashboard))
    app.include_router(quarantine.router(desk, loop))
    app.include_router(atlas.router(desk, loop))
    app.include_router(exports.router(loop))
    app.include_router(starting.router(loop))
    app.include_router(join.router(access, links or LinkMaker(access, "", ""), loop))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    app.mount("/door", StaticFiles(directory=DOOR), name="door")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _explain_errors(app: FastAPI) -> None:
    """Every failure is one sentence in JSON; none shows a traceback."""

    @app.exception_handler(ActiveLabelerError)
    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return _refusal(request, *status_and_sentence(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _refusal(request, 400, f"{place}: {first['msg']}; reload the page")

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return _refusal(request, error.status_code, str(error.detail))


def _refusal(request: Request, status: int, sentence: str) -> Response:
    return Response(
        body_of(sentence, request.path_params.get("run")), status_code=int(status), media_type="application/json"
    )
