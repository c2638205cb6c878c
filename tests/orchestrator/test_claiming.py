"""Two runs are never given one output folder: the second hears it when it starts, and a claim outlives nobody."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.claiming import CLAIM, check_unclaimed, claim_output, release_output
from orchestrator.folder import RunFolder, create
from orchestrator.journal import Journal
from orchestrator.outputs.ownership import MARKER
from protos.errors import ActiveLabelerError, ConflictError, InvalidInputError
from tests.support import bench


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def _run(folder: Path) -> RunFolder:
    return create(bench.run_settings(folder))


def _finish(folder: RunFolder) -> None:
    journal = Journal(folder.journal)
    journal.once("finish", dict, lambda: {"report": "done"})
    journal.close()


def test_the_second_run_hears_which_one_has_the_folder_and_what_to_do(tmp_path: Path, output: Path) -> None:
    one, two = _run(tmp_path / "one"), _run(tmp_path / "two")
    check_unclaimed(output, "")
    claim_output(output, one)
    for call in (lambda: claim_output(output, two), lambda: check_unclaimed(output, "")):
        with pytest.raises(ConflictError) as refused:
            call()
        said = str(refused.value)
        assert f"{output} is in use by the run {one.run} in {one.path}, which is not finished" in said
        assert "another folder with --output" in said
        assert f"`active-labeler resume {one.path}`" in said
        assert str(output / CLAIM) in said
    assert json.loads((output / CLAIM).read_bytes())["run"] == one.run
    (output / CLAIM).unlink()  # as the sentence says
    claim_output(output, two)


def test_a_run_at_work_is_told_from_one_that_rests(tmp_path: Path, output: Path) -> None:
    one = _run(tmp_path / "one")
    claim_output(output, one)
    journal = Journal(one.journal)
    with pytest.raises(ConflictError, match=rf"which is at work: .*`active-labeler status {one.path}`"):
        check_unclaimed(output, "")
    journal.close()
    with pytest.raises(ConflictError, match="which is not finished"):
        check_unclaimed(output, "")


def test_its_own_claim_never_stands_in_the_way_of_a_run(tmp_path: Path, output: Path) -> None:
    """One that was killed left it."""
    one = _run(tmp_path / "one")
    claim_output(output, one)
    claim_output(output, one)
    check_unclaimed(output, one.run)
    release_output(output, one)  # stopped, and not finished
    assert (output / CLAIM).exists()


def test_a_finished_run_lets_go_also_where_it_was_killed_before_it_could(tmp_path: Path, output: Path) -> None:
    one, two, three = (_run(tmp_path / name) for name in ("one", "two", "three"))
    claim_output(output, one)
    _finish(one)
    claim_output(output, two)
    release_output(output, one)  # not its own any more
    assert json.loads((output / CLAIM).read_bytes())["run"] == two.run
    _finish(two)
    release_output(output, two)
    assert not (output / CLAIM).exists()
    claim_output(output, two)  # a finished run that is looked at again writes nothing
    assert not (output / CLAIM).exists()
    claim_output(output, three)


@pytest.mark.parametrize("how", ["deleted", "given up", "another run there"])
def test_a_run_that_is_no_more_holds_nothing(tmp_path: Path, output: Path, how: str) -> None:
    one, two = _run(tmp_path / "one"), _run(tmp_path / "two")
    claim_output(output, one)
    if how == "deleted":
        shutil.rmtree(one.path)
    else:
        (one.path / "run.json").unlink()
    if how == "another run there":
        _run(tmp_path / "one")
    claim_output(output, two)
    assert json.loads((output / CLAIM).read_bytes())["run"] == two.run


def test_a_run_that_nobody_can_read_is_not_taken_for_given_up(tmp_path: Path, output: Path) -> None:
    one, two = _run(tmp_path / "one"), _run(tmp_path / "two")
    claim_output(output, one)
    (one.path / "run.json").write_text("{")
    with pytest.raises(ConflictError, match=one.run):
        claim_output(output, two)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\0", '{"run": "a"}', '{"run": "a", "runtime": 3}'])
def test_a_claim_that_was_never_written_to_its_end_is_none(tmp_path: Path, output: Path, text: str) -> None:
    output.mkdir()
    (output / CLAIM).write_text(text)
    one = _run(tmp_path / "one")
    claim_output(output, one)
    assert json.loads((output / CLAIM).read_bytes()) == {"run": one.run, "runtime": str(one.path)}


def test_of_many_at_once_one_gets_it(tmp_path: Path, output: Path) -> None:
    runs = [_run(tmp_path / str(number)) for number in range(8)]

    def try_it(folder: RunFolder) -> bool:
        try:
            claim_output(output, folder)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(try_it, runs))
    assert got.count(True) == 1
    assert json.loads((output / CLAIM).read_bytes())["run"] == runs[got.index(True)].run


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="cannot be written"):
        claim_output(tmp_path / "file", _run(tmp_path / "one"))
    (tmp_path / "out" / CLAIM).mkdir(parents=True)
    with pytest.raises(ActiveLabelerError, match="cannot be written"):
        claim_output(tmp_path / "out", _run(tmp_path / "two"))


def test_the_names_of_claim_and_results_differ() -> None:
    assert CLAIM != MARKER
