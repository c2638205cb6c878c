"""Translates: messages to calls, results to messages."""

from __future__ import annotations

import time
from functools import partial

import grpc
from PIL import Image

from protos import embedder_pb2, embedder_pb2_grpc
from protos.rpc import Registration
from protos.wire import to_vectors
from services.common.artifacts import ArtifactStore
from services.common.catalog import Catalog
from services.common.devices import WORKER, describe_device
from services.common.encoders.spec import preprocessing_of
from services.embedder.backends import check_backend
from services.embedder.choosing import Asked, choose
from services.embedder.decoding_options import check_decode
from services.embedder.embedding import embed_shard
from services.embedder.importing import Imported, Wanted, import_encoder
from services.embedder.pictures import embed_pictures
from services.embedder.precision import check_precision
from services.embedder.reading import Wish, choose_reading
from services.embedder.settings import EmbedderSettings
from services.embedder.shards import Shard
from services.embedder.texts import embed_phrases
from services.embedder.workers import Workers


class EmbedderServicer(embedder_pb2_grpc.EmbedderServicer):
    """The embedder's side of its contract."""

    def __init__(self, store: ArtifactStore, settings: EmbedderSettings) -> None:
        self._store, self._settings = store, settings
        self.workers = Workers(store, settings)

    def Describe(
        self, request: embedder_pb2.DescribeRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.DescribeResponse:
        """The device of calls that name none, and the threads of a forward pass."""
        device = describe_device(self.workers.device_of(""))
        return embedder_pb2.DescribeResponse(device=device, threads=self._settings.compute_threads, worker=WORKER)

    def ImportEncoder(
        self, request: embedder_pb2.ImportEncoderRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.ImportEncoderResponse:
        """Checkpoint to encoder artifact; the same checkpoint always gives the same artifact."""
        checkpoint = request.checkpoint if request.HasField("checkpoint") else None
        wanted = Wanted(
            checkpoint,
            request.file_name,
            request.builtin,
            request.image_size,
            request.expected_dim,
            request.model,
            request.preparation if request.HasField("preparation") else None,
        )
        done = import_encoder(self._store, wanted)
        return embedder_pb2.ImportEncoderResponse(
            run=request.run, encoder=done.encoder, found=done.found.sentence(done.spec), details=_details(done)
        )

    def ChoosePrecision(
        self, request: embedder_pb2.ChoosePrecisionRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.ChoosePrecisionResponse:
        """fp32, bf16 or fp16, PyTorch or OpenVINO, by the vectors of some images."""
        asked = Asked(
            check_precision(request.options.precision) if request.options.precision else "",
            check_backend(request.options.backend),
            check_decode(request.options.decode, request.encoder.decode),
        )
        with (
            Catalog(self._store.open(request.catalog), self._settings.data_root) as catalog,
            self.workers.encoder(request.encoder, request.options.device) as encoder,
        ):
            faster = partial(self.workers.encoders.load, request.encoder, encoder.device, asked.backend)
            chosen = choose(catalog, request.item, encoder, faster, self.workers.forward, asked)
        return embedder_pb2.ChoosePrecisionResponse(
            run=request.run, precision=chosen.precision, cosine=chosen.cosine, why=chosen.why, backend=chosen.backend
        )

    def ChooseReading(
        self, request: embedder_pb2.ChooseReadingRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.ChooseReadingResponse:
        """An encoder that says how files become pixels."""
        wish = Wish.of(request.decode, request.rotation)
        with (
            Catalog(self._store.open(request.catalog), self._settings.data_root) as catalog,
            self.workers.encoder(request.encoder, request.device) as loaded,
        ):
            about = request.encoder, request.catalog
            forward = self.workers.forward
            encoder, reading = choose_reading(self._store, about, catalog, request.item, loaded, forward, wish)
        return embedder_pb2.ChooseReadingResponse(
            run=request.run, encoder=encoder, cosine=reading.cosine, why=reading.why
        )

    def EmbedShard(
        self, request: embedder_pb2.EmbedShardRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.EmbedShardResponse:
        """Blocks to artifacts; what is published already is only named."""
        start = time.monotonic()
        shard = Shard(
            request.first_block,
            request.blocks,
            request.encoder.artifact.sha256,
            check_precision(request.options.precision),
            check_decode(request.options.decode, request.encoder.decode),
            check_backend(request.options.backend),
        )
        with Catalog(self._store.open(request.catalog), self._settings.data_root) as catalog:
            done = embed_shard(
                self._store, catalog, shard, request.encoder, request.options.device, self.workers, context.is_active
            )
        return embedder_pb2.EmbedShardResponse(
            run=request.run,
            blocks=done.blocks,
            computed=done.computed,
            seconds=time.monotonic() - start,
            device=done.device,
            worker=WORKER,
        )

    def EmbedImages(
        self, request: embedder_pb2.EmbedImagesRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.EmbedImagesResponse:
        """Pictures to vectors, in their order."""
        precision, decode = (
            check_precision(request.options.precision),
            check_decode(request.options.decode, request.encoder.decode),
        )
        backend = check_backend(request.options.backend)
        with self.workers.encoder(request.encoder, request.options.device, backend) as encoder:
            vectors = embed_pictures(
                self._store, request.images, request.file_names, encoder, precision, self.workers.forward, decode
            )
        return embedder_pb2.EmbedImagesResponse(run=request.run, vectors=to_vectors(vectors))

    def EmbedText(
        self, request: embedder_pb2.EmbedTextRequest, context: grpc.ServicerContext
    ) -> embedder_pb2.EmbedTextResponse:
        """Phrases to vectors, in their order."""
        precision = check_precision(request.options.precision)
        with self.workers.encoder(request.encoder, request.options.device) as encoder:
            vectors = embed_phrases(request.phrases, encoder, precision, self.workers.forward)
        return embedder_pb2.EmbedTextResponse(run=request.run, vectors=to_vectors(vectors))


def _details(done: Imported) -> embedder_pb2.EncoderDetails:
    images = preprocessing_of(done.spec)
    return embedder_pb2.EncoderDetails(
        layout=done.found.layout,
        prefix=done.found.prefix,
        parameters=done.parameters,
        left_aside=done.found.left_aside,
        size_assumed=done.found.size_assumed,
        preprocessing=embedder_pb2.Preprocessing(
            resize=images.resize,
            filter=Image.Resampling(images.resample).name.lower(),
            scale=images.scale,
            mean=images.mean,
            std=images.std,
            bgr=images.bgr,
        ),
    )


def registration(store: ArtifactStore, settings: EmbedderSettings) -> Registration:
    """The embedder, ready to be served."""
    servicer = EmbedderServicer(store, settings)
    return Registration(
        "activelabeler.v1.Embedder",
        lambda server: embedder_pb2_grpc.add_EmbedderServicer_to_server(servicer, server),
        servicer.workers.devices.details,
    )
