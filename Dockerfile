# The images of axm1-llm: `--target llm-service`, `--target tokenizer-service`, and `--target demo` (both services
# and the model without a card). docs/how-to/docker.md tells how to use them.
#
# Behind a package index or a certificate authority of your own, give the builder the files that pip needs. They are
# seen while pip runs, and are in no layer of any image:
#   docker build --secret id=pip_config,src=pip.conf --secret id=ca_bundle,src=ca-certificates.crt …
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# ---- what every image shares
FROM ${PYTHON_IMAGE} AS base
# uid 1000 is the first user of Raspberry Pi OS, Debian, Ubuntu and Armbian: the model and metrics folders that this
# user made on the host can then be read and written without any chown.
# Any uid may write /run/axm1 (the token that both services share) and /var/lib/axm1-llm (the variants of models that
# clients make): a compose file may run the images as another user.
RUN groupadd --gid 1000 axm1 \
 && useradd --uid 1000 --gid axm1 --home-dir /app --no-create-home --shell /usr/sbin/nologin axm1 \
 && install -d -o axm1 -g axm1 /app /app/model /app/metrics \
 && install -d -m 1777 /run/axm1 /var/lib/axm1-llm
WORKDIR /app
COPY tools/images/healthcheck.py /opt/axm1-healthcheck.py

# ---- environments: the locked dependencies first, so that a change of the project's own code is one small layer
FROM base AS builder
COPY tools/images/with-pip-settings.sh /usr/local/bin/with-pip-settings
# Without a pip of its own: nothing is ever installed in a running container.
RUN python3 -m venv --without-pip /opt/axm1
WORKDIR /build

FROM builder AS wheel
COPY requirements/build.txt .
RUN --mount=type=secret,id=pip_config --mount=type=secret,id=ca_bundle --mount=type=cache,target=/var/cache/pip \
    with-pip-settings python3 -m pip --python /opt/axm1/bin/python install --require-hashes -r build.txt
COPY LICENSE README.md pyproject.toml ./
COPY src src
RUN /opt/axm1/bin/hatchling build --target wheel --directory /wheels

FROM builder AS service-environment
COPY requirements/service.txt .
RUN --mount=type=secret,id=pip_config --mount=type=secret,id=ca_bundle --mount=type=cache,target=/var/cache/pip \
    with-pip-settings python3 -m pip --python /opt/axm1/bin/python install --require-hashes -r service.txt

FROM service-environment AS llm-environment
COPY --from=wheel /wheels /wheels
RUN python3 -m pip --python /opt/axm1/bin/python install --no-index --no-deps /wheels/*.whl

# A model folder's own tokenizer script runs in the tokenizer-service, and nearly every vendor's script imports
# `transformers` (most of this image's size; `--build-arg TOKENIZER_LOCK=service.txt` leaves it out).
FROM service-environment AS tokenizer-environment
ARG TOKENIZER_LOCK=scripts.txt
COPY requirements/${TOKENIZER_LOCK} .
RUN --mount=type=secret,id=pip_config --mount=type=secret,id=ca_bundle --mount=type=cache,target=/var/cache/pip \
    with-pip-settings python3 -m pip --python /opt/axm1/bin/python install --require-hashes -r ${TOKENIZER_LOCK}
COPY --from=wheel /wheels /wheels
RUN python3 -m pip --python /opt/axm1/bin/python install --no-index --no-deps /wheels/*.whl

FROM service-environment AS demo-environment
COPY requirements/run.txt .
RUN --mount=type=secret,id=pip_config --mount=type=secret,id=ca_bundle --mount=type=cache,target=/var/cache/pip \
    with-pip-settings python3 -m pip --python /opt/axm1/bin/python install --require-hashes -r run.txt
COPY --from=wheel /wheels /wheels
RUN python3 -m pip --python /opt/axm1/bin/python install --no-index --no-deps /wheels/*.whl

# The model without a card, fetched now: the containers start without a network. Its fetching wants pip.
FROM demo-environment AS demo-model
RUN /opt/axm1/bin/python -m ensurepip
RUN --mount=type=secret,id=pip_config --mount=type=secret,id=ca_bundle \
    with-pip-settings /opt/axm1/bin/python -c "import sys, pathlib, axm1_llm.demo as demo; \
        demo.prepare_demo(pathlib.Path('/app/model'), python=sys.executable, progress=print)"
# In two containers the runtime finds its tokenizer at the other one's name.
RUN sed 's/"127\.0\.0\.1"/"tokenizer-service"/' /app/model/model-descriptor.json >/app/model/two-containers.json

# ---- what every running image shares
FROM base AS service
# HOME is where a model's scripts may keep a cache: it must be writable for whichever uid the container gets.
ENV PATH=/opt/axm1/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AXM1_HOST=0.0.0.0 \
    AXM1_TOKENIZER_HOST=0.0.0.0 \
    AXM1_METRICS_DIR=/app/metrics \
    AXM1_VARIANTS_FILE=/var/lib/axm1-llm/variants.json \
    AXM1_INTERNAL_TOKEN_FILE=/run/axm1/token
USER axm1
STOPSIGNAL SIGTERM
ENTRYPOINT ["axm1"]

# ---- tokenizer-service: needs no card, so it never has to be root
FROM service AS tokenizer-service
COPY --from=tokenizer-environment /opt/axm1 /opt/axm1
EXPOSE 8101
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-SE", "/opt/axm1-healthcheck.py", "AXM1_TOKENIZER_HOST", "AXM1_TOKENIZER_PORT", "8101"]
CMD ["tokenizer-service"]

# ---- demo: both services (`axm1 demo`; compose.demo.yaml runs them in two containers) and a model without a card
FROM service AS demo
USER root
# The model's library is compiled with OpenMP, which slim images lack.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*
USER axm1
COPY --from=demo-environment /opt/axm1 /opt/axm1
COPY --from=demo-model --chown=axm1:axm1 /app/model /app/model
ENV AXM1_DEMO_DIR=/app/model
EXPOSE 11535 8101
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-SE", "/opt/axm1-healthcheck.py", "AXM1_HOST", "AXM1_PORT", "11535"]
CMD ["demo"]

# ---- llm-service: the card's libraries and tools are mounted from the host, because they must fit its kernel driver
FROM service AS llm-service
COPY --from=llm-environment /opt/axm1 /opt/axm1
# The vendor's package sets both in /etc/profile, which no service reads.
ENV PATH=$PATH:/usr/bin/axcl \
    LD_LIBRARY_PATH=/usr/lib/axcl
EXPOSE 11535
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-SE", "/opt/axm1-healthcheck.py", "AXM1_HOST", "AXM1_PORT", "11535"]
CMD ["llm-service"]
