# The dashboard, and the service of a run. Build:  docker build -t thaw .
# Dashboard:  docker run -p 127.0.0.1:8501:8501 -v thaw:/workspace thaw
# Service:    docker run -p 8000:8000 -e THAW_SERVE_TOKEN=... -v thaw:/workspace thaw python -m dashboard serve RUN --host 0.0.0.0
FROM python:3.11.14-slim-bookworm

# `plot_model` draws through graphviz; everything else comes with the packages.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends graphviz \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /thaw
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY LICENSE README.md pyproject.toml streamlit_app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY dashboard dashboard
RUN python -m compileall -q dashboard pages

# Whoever runs it may write into the volume and nowhere else.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin thaw \
    && install --directory --owner thaw --group thaw /workspace
USER 10001
VOLUME /workspace

ENV THAW_WORKSPACE=/workspace \
    KERAS_HOME=/workspace/keras \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

EXPOSE 8501 8000
# The dashboard or the service, whichever of them this container runs.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-m", "dashboard.serving.health", "http://127.0.0.1:8501/_stcore/health", "http://127.0.0.1:8000/health"]

# Inside a container "this machine only" would be nobody: publish the port on 127.0.0.1, as above. There is no login.
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0"]
