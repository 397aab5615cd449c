"""The example of OpenTelemetry in docs/logs.md, as it stands there, with a stand-in for the SDK."""

import json
import re

import pytest

from harness.build import REPOSITORY
from harness.deadline import until

CONFIG = """
WSGITrustedProxies 127.0.0.1
WSGIRequestIdHeader traceparent
WSGIScriptAlias /traced {dir}/traced.wsgi
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
STAND_IN = f"import sys\nsys.path.insert(0, {str(REPOSITORY / 'tests/apps/traces')!r})\n"


def example():
    text = (REPOSITORY / "docs/logs.md").read_text().partition("\n## Traces\n")[2]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.axes("python", "interpreter", "mpm")
def test_the_example_continues_a_trace(start_httpd):
    server = start_httpd(CONFIG, files={"traced.wsgi": STAND_IN + example()})
    server.allow_log("trace_id")
    for parent in ("00f067aa0ba902b7", "00f067aa0ba902b8"):
        answer = server.get("/traced", traceparent=f"00-{TRACE}-{parent}-01")
        assert (answer.status, answer.body) == (200, b"traced")
    server.reload()  # the SDK's atexit callback exports what its thread has not
    for parent in ("00f067aa0ba902b7", "00f067aa0ba902b8"):
        span = until(lambda: [json.loads(record.text.replace('\\"', '"')) for record in server.log.records()
                              if parent in record.text and "trace_id" in record.text], "the span is exported")
        assert [(each["trace_id"], each["attributes"]["request.id"]) for each in span] == [(f"0x{TRACE}", TRACE)]
