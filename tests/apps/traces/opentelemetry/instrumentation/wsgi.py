"""The middleware: a span for each request, which ends when all of the response has been taken."""

import functools

from opentelemetry import trace
from opentelemetry.sdk.trace import Span


class OpenTelemetryMiddleware:
    def __init__(self, wsgi):
        self.wsgi = wsgi

    def __call__(self, environ, start_response):
        _, trace_id, parent_id, _ = environ["HTTP_TRACEPARENT"].split("-")
        span = Span(trace.get_tracer_provider(), environ["REQUEST_METHOD"], trace_id, parent_id)

        @functools.wraps(start_response)
        def starting(status, headers, *rest):
            span.set_attribute("http.status_code", int(status[:3]))
            return start_response(status, headers, *rest)

        with trace.use_span(span):
            return ending(self.wsgi(environ, starting), span)


def ending(iterable, span):
    try:
        with trace.use_span(span):
            yield from iterable
    finally:
        if hasattr(iterable, "close"):
            iterable.close()
        span.end()
