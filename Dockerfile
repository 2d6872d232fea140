# syntax=docker/dockerfile:1

# The Python version that constraints.txt was tested with.
FROM python:3.11-slim AS build
WORKDIR /src
# For the native library; the compiler does not enter the image.
RUN apt-get update && apt-get install --yes --no-install-recommends g++
RUN python -m venv /opt/textrnn
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY textrnn textrnn
COPY service service
COPY training training
RUN /opt/textrnn/bin/pip install --constraint constraints.txt '.[service]'

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 textrnn
COPY --from=build /opt/textrnn /opt/textrnn
USER textrnn
WORKDIR /home/textrnn
# Use huge pages for the heap; see textrnn/runtime.py.
ENV PATH=/opt/textrnn/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
    TEXTRNN_HOST=0.0.0.0 \
    TEXTRNN_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", \
  "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
# Exec form, so that the server is process 1 and receives SIGTERM.
CMD ["textrnn", "serve"]
