"""The setting of traces: what is no collector, what the extra lacks, and that nothing is imported without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from protos import traces
from protos.errors import InvalidInputError
from protos.rpc import Registration
from services.common.traces import check_traces, start_traces
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    "address",
    [
        "localhost:4317",
        "http://localhost",
        "http://:4317",
        "http://localhost:x",
        "http://localhost:99999",
        "ftp://localhost:4317",
        "http://me:secret@localhost:4317",
        "http://localhost:4317/v1/traces",
        "http://[::1:4317",
        "yes",
    ],
)
def test_what_is_no_address_of_a_collector(address: str) -> None:
    with pytest.raises(InvalidInputError, match=r"ACTIVE_LABELER_TRACES is .*; give the address of a collector"):
        start_traces(address, "test")


@pytest.mark.parametrize(
    "address", ["", "http://localhost:4317", "https://collector.example.org:4317/", "http://[::1]:4317"]
)
def test_what_is_one(address: str) -> None:
    check_traces(address)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999"),
    ],
)
def test_a_standard_variable_that_cannot_be_used_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=r"the variables OTEL_\.\.\. cannot be used: .*; mend or unset them"):
        start_traces("http://127.0.0.1:1", "test")
    assert traces.tracer() is None


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


_WITHOUT = "import sys; sys.modules['opentelemetry.{}'] = None; "
_SAMPLER = "from services.sampler.__main__ import main; sys.argv = ['sampler']; main()"
_COMMAND = "from orchestrator.cli import main; sys.argv = ['active-labeler', 'run', '--data', '.']; main()"


@pytest.mark.parametrize("start", [_SAMPLER, _COMMAND])
@pytest.mark.parametrize("missing", ["sdk", "sdk.trace", "exporter.otlp.proto.grpc"])
def test_without_the_extra_traces_are_refused(tmp_path: Path, start: str, missing: str) -> None:
    done = _python(
        _WITHOUT.format(missing) + f"import os; os.chdir({str(tmp_path)!r}); " + start,
        ACTIVE_LABELER_TRACES="http://localhost:4317",
    )
    assert done.returncode == InvalidInputError.exit_code, done.stderr
    assert "what sends traces is not installed: pip install 'active-labeler[otel]'" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runtime").exists()


@pytest.mark.parametrize("module", ["orchestrator.cli", "services.sampler.__main__", "services.index.__main__"])
def test_without_the_setting_nothing_is_imported(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    assert _python(code).stdout == "[]\n"


def test_other_names_than_of_a_service(tmp_path: Path) -> None:
    """A service takes its name from its contract, as it is served."""
    from services.common.process import _name

    assert _name([Registration("activelabeler.v1.Trainer", lambda _: None)]) == "trainer"
    assert _name([]) == "service"
