"""Services (threads=0): all of `import mod_wsgi` and `import apache` is there, and says what a service has to know."""

import json
import os
import signal

import pytest

from brine.module_api import API
from harness import groups
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

SCRIPT = """
import io, json, logging, os, time
import apache, mod_wsgi, mod_wsgi.server

def raised(function):
    try:
        return function()
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

def note(name, **event):
    with open({notes!r} + "/" + name, "a") as file:
        file.write(json.dumps(event) + "\\n")

def metrics():
    before = mod_wsgi.request_metrics()
    mod_wsgi.start_recording_metrics()
    after = mod_wsgi.request_metrics()
    return [before, after["request_count"], after["request_threads_maximum"], after["pid"] == os.getpid()]

logger = logging.getLogger("of-the-service")
logger.addHandler(mod_wsgi.LogHandler())
logger.warning("said by the service")
assert mod_wsgi.subscribe_shutdown(note) is note and mod_wsgi.shutdown_callbacks == [note]
assert mod_wsgi.subscribe_signals(note) is note and mod_wsgi.signal_callbacks == [note]
found = {{
    "names": dir(mod_wsgi),
    "version": mod_wsgi.version, "groups": [mod_wsgi.process_group, mod_wsgi.application_group],
    "numbers": [mod_wsgi.maximum_processes, mod_wsgi.threads_per_process],
    "wrapper": [block.decode() for block in mod_wsgi.FileWrapper(io.BytesIO(b"abcde"), 2)],
    "timeout": issubclass(mod_wsgi.RequestTimeout, BaseException),
    "active": mod_wsgi.active_requests, "data": raised(mod_wsgi.request_data), "events": mod_wsgi.event_callbacks,
    "metrics": metrics(), "process": mod_wsgi.process_metrics(), "server": mod_wsgi.server_metrics(),
    "apache": [apache.version, apache.description, apache.mpm_name, apache.build_date],
    "apache_numbers": [apache.maximum_processes, apache.threads_per_process],
    "pid": os.getpid()}}
with open({notes!r} + "/new", "w") as file:
    json.dump(found, file)
os.replace({notes!r} + "/new", {notes!r} + "/found")
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("group", ["%{GLOBAL}", "other"])
def test_every_member_of_the_modules(start_httpd, workspace, group):
    folder = workspace.new_folder()
    notes = folder / "writable"
    (folder / "service.wsgi").write_text(SCRIPT.format(notes=str(notes)))
    server = start_httpd(groups.CONFIG + "WSGIServerMetrics On\nWSGIDaemonProcess site threads=0\n"
                         f"WSGIImportScript {folder}/service.wsgi process-group=site application-group={group}\n")
    until((notes / "found").exists, "the service")
    found = json.loads((notes / "found").read_text())
    assert set(API) | {"server"} <= set(found["names"])
    assert found["version"] == [6, 0, 5] and found["groups"] == ["site", "" if group == "%{GLOBAL}" else group]
    assert found["numbers"] == [1, 0]
    assert found["wrapper"] == ["ab", "cd", "e"] and found["timeout"] is True
    assert found["active"] == {} and found["events"] == []
    assert found["data"] == "RuntimeError: no request is being served by this thread"
    assert found["metrics"] == [None, 0, 0, True]
    process = found["process"]
    assert (process["pid"], process["request_count"], process["threads"]) == (found["pid"], 0, [])
    assert process["running_time"] >= 0 and process["memory_rss"] > 1 << 20
    assert found["server"] is None
    version, description, mpm, built = found["apache"]
    assert version[:2] == [2, 4] and description.startswith("Apache/2.4") and mpm == server.variant.mpm and built
    assert found["apache_numbers"][0] >= 1 and found["apache_numbers"][1] > 1
    server.expect_log("said by the service")
    for number in (signal.SIGHUP, signal.SIGUSR2):
        os.kill(found["pid"], number)
        text = until(lambda: (notes / "process_signal").exists() and (notes / "process_signal").read_text(), "the event")
        assert json.loads(text) == {"signame": number.name, "signum": number.value}
        (notes / "process_signal").unlink()
    server.stop()
    until((notes / "process_stopping").exists, "the event")
    assert json.loads((notes / "process_stopping").read_text())["shutdown_reason"] == "shutdown_signal"
