"""A run that others take part in: links, tokens, and the command that prints them."""

from __future__ import annotations

import os
import pty
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.end_to_end.test_continuous_run import answer_question, label_until
from tests.support.annotator import Annotator
from tests.support.command import ACTIVE_LABELER, HOG, environment, run_command, start_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
LINK = r"(http://[\w.:\[\]]+/join#[\w-]{24})"


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    if not (folder / "data").exists():
        draw_data_set(folder / "data", positives=10, negatives=50)
        picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    arguments = ["--data", "data", "--reference", "reference.png", "--seed-count", "10", "--sample-size", "5"]
    return start_command("run", *HOG, *arguments, "--port", "0", "--set", "seed_set.repeats=0", *more, cwd=folder)


def printed(folder: Path, process: subprocess.Popen[str], pattern: str, since: int = 0) -> str:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        found = re.search(pattern, (folder / "output.txt").read_text()[since:])
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError((folder / "output.txt").read_text())


def heads_of(somebody: Annotator) -> list[int]:
    """The rounds whose heads the dashboard shows, once there is one."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        board = somebody.http.get(f"api/runs/{somebody.run}/dashboard").raise_for_status().json()
        if board["heads"]:
            return [head["round"] for head in board["heads"]]
        time.sleep(0.2)
    return []


def test_a_browser_is_opened_where_somebody_sits(tmp_path: Path) -> None:
    """Folder mode and a run open it alike; the browser of this test writes down its address."""
    draw_data_set(tmp_path / "data", positives=1, negatives=2)
    (tmp_path / "browser").write_text(f"#!/bin/sh\ncd {tmp_path} && echo $1 > half && mv half opened\n")
    (tmp_path / "browser").chmod(0o755)
    seat = {"DISPLAY": ":9", "BROWSER": f"{tmp_path}/browser %s", "TERM": "dumb"}
    kept = {name: value for name, value in environment().items() if name != "SSH_CONNECTION"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ACTIVE_LABELER, "label", "data", "--port", "0"],
        cwd=tmp_path,
        env={**kept, **seat},
        stdout=theirs,
        stderr=theirs,
    )
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "opened").exists() and time.monotonic() < end:
            time.sleep(0.1)
        url = (tmp_path / "opened").read_text().strip()
        assert httpx.get(f"{url}api/runs").status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    said = os.read(ours, 100_000).decode()
    assert url in said
    assert "ssh -L" not in said
    os.close(theirs)
    os.close(ours)


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130


def test_a_shared_run_from_the_link_to_its_end(tmp_path: Path) -> None:
    process = start(tmp_path, "--share")
    admin = printed(tmp_path, process, rf"for you alone \(private\): +{LINK}")
    annotator = printed(tmp_path, process, rf"for whoever you give it to: +{LINK}")
    printed(tmp_path, process, "(wait for you at http)")
    shown = (tmp_path / "output.txt").read_text()
    assert shown.index("The page is at http") < shown.index(annotator) < shown.index("█") < shown.index(admin)
    assert shown.index(admin) < shown.index(
        "Embedded 60 images"
    )  # that may take hours, and the page shows how far it is
    assert shown.count(admin.partition("#")[2]) == 1
    url, _, token = annotator.partition("join#")
    assert "127.0.0.1" not in url
    assert "localhost" not in url
    port = url.rsplit(":", 1)[1]
    here = f"http://127.0.0.1:{port}"  # the same page, where this machine has no network
    assert httpx.get(f"{here}api/runs").status_code == 401
    ann, boss = Annotator(here, "ann", token=token), Annotator(here, "boss", token=admin.partition("#")[2])

    told = run_command("link", "runtime", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert admin in told.stdout
    assert annotator in told.stdout
    assert "█" in told.stdout  # the code to scan

    label_until(tmp_path, [ann, boss], "seed-0/label")
    answer_question(boss, "round-1/choice", "l")
    assert ann.tell_the_loop("round-1/choice", "q").status_code == 403
    assert heads_of(ann) == [1]  # its head is shown while its images are labelled
    label_until(tmp_path, [ann, boss], "round-1/label")
    answer_question(boss, "round-2/choice", "q")
    assert process.wait(60) == 0
    assert (tmp_path / "final_model.ckpt").exists()
    assert not (tmp_path / "runtime" / "services.json").exists()
    log = (tmp_path / "active_labeler.log").read_text()
    assert "wait for you at" in log
    assert token not in log
    assert admin.partition("#")[2] not in log
    kept = tmp_path / "runtime" / "labels" / "access.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_resumed_run_keeps_its_links(tmp_path: Path) -> None:
    process = start(tmp_path, "--set", "labeling.public_url=https://labels.example.org/run")
    printed(
        tmp_path, process, r"wait for you at (https://labels\.example\.org/run/)\n"
    )  # it listens to this machine alone
    stopped(process)
    seen = []
    for _ in range(2):
        since = len((tmp_path / "output.txt").read_text())
        process = start_command("resume", "runtime", "--share", cwd=tmp_path)
        seen.append(printed(tmp_path, process, r"(https://labels\.example\.org/run/join#[\w-]{24})", since))
        stopped(process)
    assert seen[0] == seen[1]


def test_links_of_a_run_that_only_this_machine_reaches(tmp_path: Path) -> None:
    process = start(tmp_path)
    page = printed(tmp_path, process, r"wait for you at (http://127\.0\.0\.1:\d+/)\n")
    port = page.rstrip("/").rsplit(":", 1)[1]
    assert printed(tmp_path, process, f"ssh -L {port}:127.0.0.1:{port} ([^@ ]+@[^` ]+)`")
    told = run_command("link", cwd=tmp_path)
    assert told.stdout.startswith(f"The page is at {page} and asks for no token.")
    assert "--share" in told.stdout
    stopped(process)
    late = run_command("link", cwd=tmp_path)
    assert late.returncode == 2
    assert "is not at work, so its page is closed; go on with `active-labeler resume" in late.stderr


def test_links_where_there_is_no_run(tmp_path: Path) -> None:
    told = run_command("link", cwd=tmp_path)
    assert told.returncode == 2
    assert "there is no run in" in told.stderr


def test_a_tunnel_is_told_by_the_address_that_the_other_computer_has_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.inviting import has_browser, tunnel

    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.2 22")
    assert re.fullmatch(r"ssh -L 5000:127\.0\.0\.1:5000 \S+@10\.0\.0\.2", tunnel("http://127.0.0.1:5000/"))
    assert not has_browser()
    assert os.environ["SSH_CONNECTION"]
