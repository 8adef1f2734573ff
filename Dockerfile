# The service and its default models. Nothing of this image is written to while it runs, so it takes
# a read-only root file system; what builds it (pip, compilers, the exporter) is not in it.

FROM python:3.11-slim-bookworm AS dependencies
COPY requirements/serve.txt /build/
# Bytecode is made here, since a read-only file system keeps none, and never checked against its
# source, which cannot change.
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python --no-cache-dir --disable-pip-version-check --no-input \
        install --quiet --require-hashes --only-binary :all: --no-compile -r /build/serve.txt \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/tests/' /opt/venv/lib


FROM python:3.11-slim-bookworm AS project
COPY models /project/models
COPY deploy/healthcheck.py /project/bin/
COPY service /project/packages/service
COPY model_directory /project/packages/model_directory
# Readable by any user, whatever the umask of the checkout was.
RUN chmod -R a+rX,go-w /project \
    && python -m compileall -q --invalidation-mode unchecked-hash /project/packages


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="albert-serve" \
      org.opencontainers.image.description="An inference service for ALBERT models: sentiment, classification and question answering over HTTP." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# The base image's installers go, and its library gets the bytecode that it is shipped without, which
# halves the time that the service takes to import.
RUN for prefix in /usr/local /usr; do \
        rm -rf "$prefix"/bin/pip* "$prefix"/bin/wheel "$prefix"/lib/python3.11/ensurepip \
            "$prefix"/lib/python3*/site-packages/* "$prefix"/lib/python3*/dist-packages/*; \
    done \
    && python -m compileall -q --invalidation-mode unchecked-hash -x '/(test|idlelib|lib2to3|pydoc_data|tkinter|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# Mount a directory of models over /models to serve others. It is no VOLUME: that would copy the
# default models into an anonymous volume at each start, and go on serving the copy after an upgrade.
# onnxruntime's releases report their use to Microsoft unless they are told not to.
# Large blocks of memory in huge pages: without this the service starts itself anew to ask for them.
ENV ALBERT_MODELS=/models \
    ALBERT_HOST=0.0.0.0 \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=30s --interval=10s --timeout=5s --retries=3 \
    CMD ["python", "-I", "/opt/bin/healthcheck.py"]
ENTRYPOINT ["python", "-m", "service"]

# From what changes seldom to what changes often: an edit of the code remakes the last layer alone.
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=project /project/bin /opt/bin
COPY --from=project /project/models /models
COPY --from=project /project/packages /opt/venv/lib/python3.11/site-packages
