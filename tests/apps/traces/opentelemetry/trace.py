"""The API: the current span, which is that of the thread's context, and the provider, of which the first one stays."""

import contextlib
import contextvars

_current = contextvars.ContextVar("current", default=None)
_provider = None


def set_tracer_provider(provider):
    global _provider
    _provider = _provider or provider


def get_tracer_provider():
    return _provider


def get_current_span():
    return _current.get()


@contextlib.contextmanager
def use_span(span):
    token = _current.set(span)
    try:
        yield
    finally:
        _current.reset(token)
