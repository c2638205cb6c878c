"""A server that speaks S3, started by a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

BUCKET = "pictures"


@contextmanager
def object_store(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serves S3 for as long as the context lasts; this process and its children find it by their environment.

    Yields:
        the address.
    """
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        patch.setenv(name, value)
    try:
        # What it holds belongs to the process, and outlives each server.
        urlopen(Request(f"{address}/moto-api/reset", method="POST")).close()
        client().create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.stop()


def client():  # type: ignore[no-untyped-def]
    """A client of the server that the environment names."""
    import boto3

    return boto3.client("s3")


def upload(folder: Path, prefix: str) -> None:
    """Puts every file below a folder into the bucket."""
    s3 = client()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{file.relative_to(folder)}", Body=file.read_bytes())
