# One image per process:  docker build --build-arg SERVICE=index -t active-labeler-index .
#   SERVICE     embedder, index, trainer, sampler, labeler or orchestrator
#   EXTRAS      more extras of pyproject.toml, with spaces between: otel, for traces; timm, for its models; openvino, for an embedder
#               on processors
#   TORCH       cpu or gpu: which build of PyTorch the embedder and the trainer get
#   PROCESSOR   oldest x86 processor that the image runs on, in GCC's words; on other machines it is not used
ARG PYTHON=python:3.11-slim-bookworm
ARG SERVICE

FROM ${PYTHON} AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# Our own package with its contracts, and Annoy for any processor of the kind, not only for this machine's.
FROM tools AS wheels
WORKDIR /source
COPY requirements.lock ./
RUN pip install --no-cache-dir --constraint requirements.lock setuptools hatchling grpcio-tools
COPY scripts/annoy-flags.sh scripts/
ARG PROCESSOR=x86-64-v3
RUN [ "$(uname -m)" = x86_64 ] || PROCESSOR=; \
    ANNOY_COMPILER_ARGS="$(scripts/annoy-flags.sh $PROCESSOR)" \
    pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels "$(grep '^annoy==' requirements.lock)"
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY services services
COPY orchestrator orchestrator
COPY active_labeler active_labeler
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

# The dependencies of all services, and of this one, in files: what is installed below is kept until they change.
FROM ${PYTHON} AS known
WORKDIR /source
COPY pyproject.toml ./
COPY scripts/requirements_of.py scripts/
RUN python scripts/requirements_of.py >common.txt

FROM known AS wanted
ARG SERVICE
ARG EXTRAS=
RUN python scripts/requirements_of.py "$SERVICE" $EXTRAS >wanted.txt

# What all services stand on, and then PyTorch for those that compute: installed once for all images.
FROM tools AS common
WORKDIR /source
COPY requirements.lock ./
RUN python -m venv /opt/venv
COPY --from=known /source/common.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir --constraint requirements.lock --requirement common.txt

FROM common AS computing
ARG TORCH=cpu
COPY scripts/prerequisites.sh scripts/install-torch.sh scripts/
RUN PIP_NO_CACHE_DIR=1 scripts/install-torch.sh /opt/venv/bin/python

FROM computing AS under-embedder
FROM computing AS under-trainer
FROM common AS under-index
FROM common AS under-sampler
FROM common AS under-labeler
FROM common AS under-orchestrator

# What this service needs, and nothing else.
FROM under-${SERVICE} AS environment
ARG SERVICE
ARG TORCH=cpu
COPY --from=wanted /source/wanted.txt ./
RUN ! grep -qx torchvision wanted.txt || PIP_NO_CACHE_DIR=1 scripts/install-torch.sh /opt/venv/bin/python torchvision
COPY --from=wheels /wheels/annoy-* /annoy/
RUN /opt/venv/bin/pip install --no-cache-dir --find-links /annoy --constraint requirements.lock --requirement wanted.txt
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    /opt/venv/bin/pip install --no-cache-dir --no-deps /wheels/active_labeler-*.whl \
    && /opt/venv/bin/pip uninstall --yes pip setuptools uv openvino-telemetry 2>/dev/null \
    && cd /opt/venv/lib/python3*/site-packages \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && find . -name '*.pyi' -delete \
    # Of OpenVINO what computes on processors: the rest is for other devices and other frameworks.
    && rm -rf openvino/include openvino/libs/cache.json openvino/libs/libopenvino_intel_[gn]pu_* \
        openvino/libs/libopenvino_tensorflow* openvino/libs/libopenvino_paddle* openvino/libs/libopenvino_gguf* \
        openvino/libs/libopenvino_jax* \
    && for package in imagecodecs sqlalchemy fontTools kiwisolver; do \
        # Symbols that only a debugger reads. Not of the libraries in *.libs: their loader does not find them afterwards.
        [ ! -d "$package" ] || find "$package" -name '*.so' -exec strip --strip-unneeded {} +; \
    done
RUN case "$SERVICE" in \
        orchestrator) echo 'exec active-labeler serve' ;; \
        *) echo "exec python -m services.$SERVICE" ;; \
    esac | sed '1i #!/bin/sh' >/opt/venv/bin/start && chmod +x /opt/venv/bin/start

FROM ${PYTHON}
ARG SERVICE
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp \
    ACTIVE_LABELER_ARTIFACTS=/artifacts \
    ACTIVE_LABELER_LABELS=/labels
# A new volume takes the mode of the folder that it is mounted on: any user may own the process.
RUN mkdir -m 1777 /artifacts /labels /results
COPY --from=environment /opt/venv /opt/venv
# Python's own modules come without bytecode, and nothing can be written later: the probe would compile them every time.
# What cannot be imported for want of a dependency fails here.
RUN case "$SERVICE" in orchestrator) main=orchestrator.cli ;; *) main=services.$SERVICE.__main__ ;; esac \
    && PYTHONDONTWRITEBYTECODE= python -c "import encodings.idna, protos.probe, $main"
WORKDIR /results
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=10s --start-period=120s CMD ["python", "-m", "protos.probe"]
# The script replaces itself by the process, which so gets SIGTERM.
CMD ["start"]
