"""The web application: a page, and four things that it may ask for."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from protos.errors import (
    ActiveLabelerError,
    ConflictError,
    DamagedError,
    DeadlineError,
    ExhaustedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from services.common.images import UnreadableImageError
from services.labeler.access import OPEN, Access
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.loop import Loop
from services.labeler.model import Reply
from services.labeler.pictures.display import Look, media_type
from services.labeler.pictures.shelf import Shelf
from services.labeler.text import clean
from services.labeler.web.asking import RunName
from services.labeler.web.messages import Finish, LoopAnswer, Sync, describe_reply, describe_run
from services.labeler.web.places import DOOR, STATIC
from services.labeler.web.routes import (
    answers,
    atlas,
    exports,
    join,
    news,
    people,
    pictures,
    quarantine,
    remarks,
    views,
)
from services.labeler.web.routes.views import Views

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[ActiveLabelerError], HTTPStatus], ...] = (
    (UnreadableImageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (DamagedError, HTTPStatus.GONE),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DeadlineError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExhaustedError, HTTPStatus.INSUFFICIENT_STORAGE),
)
Item = Annotated[int, InPath(ge=0, le=2**53 - 1)]
T = TypeVar("T")


def build_app(desk: Desk, shelf: Shelf, loop: Loop, access: Access = OPEN, browsing: Browsing | None = None) -> FastAPI:
    """The application over a desk, with a window on the loop; who gets as far as here, the gate has decided."""
    app = FastAPI(title="Active Labeler", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _explain_errors(app)

    def _described(reply: Reply) -> dict[str, Any]:
        try:
            catalog = desk.catalog_of(reply.run)
        except ActiveLabelerError as error:  # the answers are kept all the same, and the page has to hear that
            log.warning("run %s: %s", reply.run.run, error)
            return describe_reply(reply, None, shelf)
        shelf.prepare(catalog, [card.item for card in reply.cards] + reply.ahead)
        return describe_reply(reply, catalog, shelf)

    @app.get("/api/runs")
    async def list_runs() -> dict[str, Any]:
        known = await asyncio.to_thread(desk.runs)
        return {"runs": [describe_run(run, waiting) for run, waiting in known]}

    @app.post("/api/runs/{run}/sync")
    async def sync(run: RunName, body: Sync) -> dict[str, Any]:
        reply = await _settled(desk.visit(run, body.visit()))
        return await asyncio.to_thread(_described, reply)

    @app.post("/api/runs/{run}/finish")
    async def finish(run: RunName, body: Finish) -> dict[str, Any]:
        withdrawn = await _settled(desk.withdraw(run, body.round))
        return {"run": run, "round": body.round, "withdrawn": withdrawn}

    @app.get("/api/runs/{run}/loop")
    async def loop_of(run: RunName) -> dict[str, Any]:
        return await asyncio.to_thread(loop.status, run)

    @app.get("/api/runs/{run}/asks")
    async def asks(run: RunName) -> dict[str, Any]:
        return {"run": run, "asks": await asyncio.to_thread(loop.asks, run)}

    @app.post("/api/runs/{run}/loop")
    async def answer(run: RunName, body: LoopAnswer) -> dict[str, Any]:
        accepted = await asyncio.to_thread(loop.answer, run, body.question, body.answer)
        return {"run": run, "accepted": accepted}

    @app.get("/api/runs/{run}/images/{item}")
    async def image(
        run: RunName, item: Item, size: Literal["tile", "screen", "full"] = "screen", levels: Literal["", "auto"] = ""
    ) -> Response:
        catalog = await asyncio.to_thread(desk.catalog, run)
        look = Look(size == "full", levels == "auto", size == "tile")
        try:
            data = (await _settled(shelf.get(catalog, item, look))).read_bytes()
        except FileNotFoundError:  # the cache was trimmed at this very moment
            data = (await _settled(shelf.get(catalog, item, look))).read_bytes()
        return Response(
            data, media_type=media_type(data), headers={"Cache-Control": "private, max-age=86400, immutable"}
        )

    seen = Views(desk, shelf, loop, browsing or Browsing(desk))
    app.include_router(views.router(seen, loop))
    app.include_router(answers.router(seen, desk))
    app.include_router(people.router(seen, desk))
    app.include_router(remarks.router(desk))
    app.include_router(pictures.router(desk, shelf))
    app.include_router(news.router(loop, seen.dashboard))
    app.include_router(quarantine.router(desk, loop))
    app.include_router(atlas.router(desk, loop))
    app.include_router(exports.router(loop))
    app.include_router(join.router(access))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    app.mount("/door", StaticFiles(directory=DOOR), name="door")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


async def _settled(future: Future[T]) -> T:
    # Shielded: a browser that goes away must cancel neither a write nor a picture that others wait for.
    return await asyncio.shield(asyncio.wrap_future(future))


def _explain_errors(app: FastAPI) -> None:
    """Every failure is one sentence in JSON; none shows a traceback."""

    @app.exception_handler(ActiveLabelerError)
    async def ours(request: Request, error: ActiveLabelerError) -> JSONResponse:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return _refusal(request, status, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _refusal(request, HTTPStatus.BAD_REQUEST, f"{place}: {first['msg']}; reload the page")

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return _refusal(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> JSONResponse:
        return _refusal(
            request,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"a defect of the labeler: {type(error).__name__}; its log says more",
        )


def _refusal(request: Request, status: int, sentence: str) -> JSONResponse:
    run = request.path_params.get("run")
    body = {"error": clean(sentence, 500)} | ({"run": clean(run, 100)} if isinstance(run, str) else {})
    return JSONResponse(body, status_code=int(status))
