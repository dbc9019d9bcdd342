"""Prometheus' figures of one server process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call] # else a second series for each counter

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The figures, in a registry of their own, so that two services in one process do not mix theirs."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.requests = Counter(
            "seamark_requests",
            "Requests answered.",
            ["path", "method", "status", "stage", "version"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "seamark_request_seconds",
            "Time from a request's head to its whole answer.",
            ["path", "stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = self._gauge("seamark_requests_in_flight", "Requests under way.")
        self.predictions = Counter(
            "seamark_predictions",
            "Texts predicted.",
            ["stage", "version", "role"],
            registry=self.registry,
        )
        self.batch_texts = Histogram(
            "seamark_batch_texts", "Texts predicted together.", buckets=_SIZES, registry=self.registry
        )
        self.batch_seconds = Histogram(
            "seamark_batch_seconds",
            "Time that a batch was at work.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.swaps = Counter(
            "seamark_swaps", "Versions that took a stage over.", ["stage"], registry=self.registry
        )
        self.load_failures = Counter(
            "seamark_load_failures",
            "Versions that did not load or failed their smoke test.",
            registry=self.registry,
        )
        self.load_seconds = Histogram(
            "seamark_load_seconds",
            "Time to fetch, verify, load, warm and test a version.",
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self.registry,
        )
        self.captures = Counter(
            "seamark_captures", "Predictions captured.", ["stage", "role"], registry=self.registry
        )
        self.shadow_dropped = Counter(
            "seamark_shadow_dropped",
            "Texts that a shadow did not see since it lagged.",
            ["stage"],
            registry=self.registry,
        )
        self.database_up = self._gauge("seamark_database_up", "1: the database answered when last asked.")

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value is asked for when somebody looks."""
        self._gauge(name, meaning).set_function(read)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)
