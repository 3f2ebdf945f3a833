"""What the server counts and logs about itself: Prometheus metrics in a registry of their own, one log line a request.

Labels and log lines hold route templates, never paths: `/v1/users/{user_id}` says nothing about anybody.
"""

import logging

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

access_log = logging.getLogger("penchant.access")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The numbers of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("penchant_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry)
        self.seconds = Histogram("penchant_request_seconds", "Time to answer.", ["route"], buckets=SECONDS, registry=self.registry)
        self.events = Counter("penchant_events", "Events acknowledged.", ["outcome"], registry=self.registry)
        self.answers = Counter("penchant_answers", "Recommendation answers.", ["scenario", "answered_by"], registry=self.registry)
        for outcome in ("stored", "duplicate"):
            self.events.labels(outcome)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
