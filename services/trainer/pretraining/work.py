"""Images without labels to a published encoder, in as many calls as it takes."""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from protos.common_pb2 import Artifact
from protos.errors import UnavailableError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog
from services.common.encoders.files import save_encoder
from services.common.encoders.spec import EncoderSpec
from services.trainer.chance import seeded
from services.trainer.pretraining.diary import Diary, Epoch, as_csv, is_over, read_diary
from services.trainer.pretraining.learner import Learner
from services.trainer.pretraining.members import train_together
from services.trainer.pretraining.pixels import Decoding, decode_all, decoded_so_far, mapped
from services.trainer.pretraining.plan import Plan
from services.trainer.pretraining.training import read_back, train

log = logging.getLogger(__name__)
VERSION = 1
_POLL_S = 0.2
_LEAST_S = 1e-6


@dataclass(frozen=True)
class PretrainRequest:
    """What is pre-trained on; see ``PretrainRequest`` in the contracts.

    Attributes:
        data_root: where the images are on this machine; None: where the catalog says.
        seconds: after which the call ends, at the end of an epoch; 0: when the training does.
        threads: processor threads, which decode, then train.
    """

    catalog: Artifact
    plan: Plan
    data_root: Path | None = None
    seconds: float = 0.0
    threads: int = 1

    @property
    def key(self) -> str:
        """The name of what these inputs give."""
        return digest_of("pretrain", VERSION, self.catalog.sha256, self.plan.as_json())

    @property
    def spec(self) -> EncoderSpec:
        """What the encoder will be."""
        return EncoderSpec(self.plan.architecture, self.plan.dim, self.plan.image_size)


@dataclass(frozen=True)
class Pretraining:
    """How far a training is; encoder and metrics are there when it is done."""

    decoding: Decoding
    listed: int
    epoch: int = 0
    loss: float = math.nan
    neighbours: float = math.nan
    seconds: float = 0.0
    encoder: Artifact | None = None
    metrics: Artifact | None = None


def describe(store: ArtifactStore, request: PretrainRequest) -> Pretraining:
    """How far the training of a request is; nothing is worked on.

    Raises:
        NotFoundError, DamagedError: when the catalog is not there, or not whole.
    """
    found = _published(store, request)
    if found is not None:
        return found
    folder = _folder(store, request)
    return _so_far(store, request, read_diary(folder), decoded_so_far(folder))


def pretrain(
    store: ArtifactStore,
    request: PretrainRequest,
    devices: Sequence[torch.device],
    wanted: Callable[[], bool] = lambda: True,
) -> Pretraining:
    """Works on a training for as long as the request says, from where an earlier call has come to, killed or not.

    Args:
        store: where its pixels and its checkpoint are kept, and its encoder is published.
        request: what is asked for.
        devices: as many as the plan has.
        wanted: whether anybody waits for the answer.

    Raises:
        InvalidInputError: when there are too few images that can be read, or the training diverges.
        NotFoundError: when the data folder or the catalog is not there.
        ExhaustedError: when the pixels do not fit on the disk.
        UnavailableError: when the caller has left.
    """
    found = _published(store, request)
    if found is not None:
        return found
    folder = _folder(store, request)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder, wanted):
        return _published(store, request) or _work(store, request, folder, devices, wanted)


def _work(
    store: ArtifactStore,
    request: PretrainRequest,
    folder: Path,
    devices: Sequence[torch.device],
    wanted: Callable[[], bool],
) -> Pretraining:
    end = time.monotonic() + (request.seconds or math.inf)

    def out_of_time() -> bool:
        return time.monotonic() >= end

    with Catalog(store.open(request.catalog), request.data_root) as catalog:
        listed = len(catalog)
        decoding = decode_all(catalog, request.spec, folder, request.threads, lambda: wanted() and not out_of_time())
    if not wanted():
        raise UnavailableError("the caller left before the images were decoded; ask again, and it goes on")
    if decoding.item < listed:
        return _so_far(store, request, [], decoding)
    mapped(folder, request.plan.image_size)  # tells at once when there are too few
    if request.plan.devices == 1:
        with seeded(request.plan.seed, request.threads):
            learner, diary = train(request.plan, folder, devices[0], out_of_time, wanted)
    else:
        left_s = max(end - time.monotonic(), _LEAST_S)
        learner, diary = _by_members(request, folder, devices, left_s, wanted)
    if not is_over(diary.epochs, request.plan):
        return _so_far(store, request, diary.epochs, decoding)
    store.once(_names(request)[0], lambda path: save_encoder(path, learner.finished(), request.spec))
    store.put(_names(request)[1], as_csv(diary.epochs))
    so_far = _so_far(store, request, diary.epochs, decoding)
    note = {**asdict(so_far.decoding), **_last(diary.epochs)}
    store.put(_names(request)[2], json.dumps(note).encode())
    _tidy(folder)
    done = _published(store, request)
    assert done is not None
    log.info("pre-trained %s: %d epochs, %d images", request.plan.architecture, done.epoch, decoding.images)
    return done


def _by_members(
    request: PretrainRequest, folder: Path, devices: Sequence[torch.device], left_s: float, wanted: Callable[[], bool]
) -> tuple[Learner, Diary]:
    with seeded(request.plan.seed, request.threads):
        learner, diary = read_back(request.plan, folder)
        if not is_over(diary.epochs, request.plan):
            train_together(request.plan, folder, devices, left_s, request.threads, wanted)
            learner, diary = read_back(request.plan, folder)
    return learner, diary


def _last(epochs: list[Epoch]) -> dict[str, float]:
    if not epochs:
        return {}
    last = epochs[-1]
    seconds = sum(epoch.seconds for epoch in epochs)
    return {"epoch": last.epoch, "loss": last.loss, "neighbours": last.neighbours, "seconds": seconds}


def _so_far(store: ArtifactStore, request: PretrainRequest, epochs: list[Epoch], decoding: Decoding) -> Pretraining:
    with Catalog(store.open(request.catalog)) as catalog:
        return Pretraining(decoding, len(catalog), **_last(epochs))  # type: ignore[arg-type]


def _names(request: PretrainRequest) -> tuple[str, str, str]:
    return f"encoders/{request.key}.safetensors", f"pretrained/{request.key}.csv", f"pretrained/{request.key}.json"


def _folder(store: ArtifactStore, request: PretrainRequest) -> Path:
    """Where an unfinished training is kept; it is shared as the store is, so that any replica can go on with it."""
    return store.root / "pretraining" / request.key


def _published(store: ArtifactStore, request: PretrainRequest) -> Pretraining | None:
    encoder, metrics, note = (store.find(name) for name in _names(request))
    if encoder is None or metrics is None or note is None:
        return None
    facts = json.loads(store.open(note).read_bytes())
    decoding = Decoding(*(facts.pop(name) for name in ("item", "images", "unreadable")))
    return Pretraining(decoding, decoding.item, **facts, encoder=encoder, metrics=metrics)


def _tidy(folder: Path) -> None:
    """What a finished training needs no more; TensorBoard's log stays."""
    for file in folder.iterdir():
        if file.name not in ("tensorboard", "lock"):
            file.unlink() if file.is_file() else shutil.rmtree(file)


@contextmanager
def _alone(folder: Path, wanted: Callable[[], bool]) -> Iterator[None]:
    """Holds the training against other calls and replicas; the operating system frees it when this process dies."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not wanted():
                    raise UnavailableError("the caller left while another call trained the same encoder") from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)
