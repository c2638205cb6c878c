"""The page below a path of a reverse proxy, with tokens, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from protos import labeler_pb2 as pb
from tests.labeler.kit import Service, paint, wait_for
from tests.labeler.pages.kit import NAMES, Run, press
from tests.support.path_proxy import PathProxy

pytestmark = pytest.mark.browser


def test_the_whole_page_works_below_a_path(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", NAMES, (200, 150))
    with PathProxy() as proxy:
        service = Service(
            tmp_path,
            ACTIVE_LABELER_WEB_ACCESS="token",
            ACTIVE_LABELER_WEB_PLACE="proxy",
            ACTIVE_LABELER_WEB_URL=proxy.url,
        )
        proxy.target = service.url
        links = service.stub.GetLinks(pb.GetLinksRequest())
        kept = json.loads((tmp_path / "labels" / "access.json").read_text())
        assert links.annotator == f"{proxy.url}join#{kept['annotator']}"
        run = runs(of=service, data=tmp_path / "data")
        run.offer()
        page = run.browser.new_context().new_page()
        page.on("pageerror", lambda error: run.errors.append(str(error)))
        page.goto(links.annotator)
        page.get_by_role("textbox").fill("Ann")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Skip the practice").click()
        press(page, "ArrowRight", "ArrowLeft")
        wait_for(lambda: len(run.answers()) == 2)
        (cookie,) = page.context.cookies()
        assert cookie["path"] == "/labels"  # other pages of that host never see it
        for view in ("browse", "grid", "seed", "progress"):
            page.goto(f"{proxy.url}#/run/{run.name}/{view}")
            page.locator("main:visible, h1:visible, h2:visible").first.wait_for()
        page.goto(proxy.url)
        page.get_by_role("button", name="Yes").wait_for()
        assert run.errors == []
        assert [path for path in proxy.refused if path != "/favicon.ico"] == []
        page.context.close()
        service.stop()
