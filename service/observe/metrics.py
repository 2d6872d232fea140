"""Metrics for Prometheus. Label values come from fixed sets: never an address, a key or a raw path.

With several workers, prometheus_client keeps the values in files of a shared folder
(PROMETHEUS_MULTIPROC_DIR), and each worker exposes the metrics of all of them.
"""

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

disable_created_metrics()

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServiceMetrics:
    """The metrics of one server, or of one worker of several."""

    def __init__(self, worker: int = 1) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "textrnn_requests", "Requests answered.", ["task", "model", "route", "status"],
            registry=registry,
        )  # fmt: skip
        self.duration = Histogram(
            "textrnn_request_duration_seconds", "Time from request to response.", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.queued = Histogram(
            "textrnn_queue_duration_seconds", "Time in the queue.", ["model"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.inference = Histogram(
            "textrnn_inference_duration_seconds", "Time of a batch on the device.", ["model"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.batch_rows = Histogram(
            "textrnn_batch_rows", "Texts in a batch.", ["model"],
            buckets=_ROWS, registry=registry,
        )  # fmt: skip
        self.tokens = Counter(
            "textrnn_batch_tokens", "Tokens in batches.", ["model"], registry=registry
        )
        self.queue_depth = Gauge(
            "textrnn_queue_depth", "Texts in the queue.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.rejected = Counter(
            "textrnn_rejected",
            "Requests refused or dropped before they ran.",
            ["reason"],
            registry=registry,
        )
        self.model_info = Gauge(
            "textrnn_model_info", "Models that the server holds.", ["model", "task", "version"],
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self.by_worker = Counter(
            "textrnn_worker_requests", "Requests answered, without health and metrics.",
            ["worker"], registry=registry,
        ).labels(str(worker))  # fmt: skip

    def render(self) -> bytes:
        """The metrics in Prometheus's text format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)
        return generate_latest(merged)
