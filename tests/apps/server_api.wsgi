"""What `import mod_wsgi` has besides constants; each path is a way to use it, the answer what was found, as JSON.

Events are kept in a list. Paths: /subscribe (and what the query names: raises, replaces, leaves), /events, /data,
/active, /record, /metrics, /process, /body (reads what is sent), /stream, /file, /raises, /closes, /names, /nothing, /note (a
subscriber of the process's end and signals writes a file), /hanging, /release, /thread.
"""

import json
import os
import threading

import mod_wsgi

EVENTS = []


def keep(name, **event):
    event.pop("request_environ", None)
    event.pop("application_object", None)
    if "exception_info" in event:
        event["exception_info"] = repr(event["exception_info"])
    if "request_data" in event:
        event["request_data"].setdefault("seen", []).append(name)
        event["request_data"] = dict(event["request_data"])
    EVENTS.append((name, event))


def raises(name, **event):
    raise KeyError(name)


def leaves(name, **event):
    raise SystemExit(3)


RELEASED = threading.Event()
HANGING = threading.Event()


def hangs(name, **event):
    if name == "request_finished" and event["request_data"].get("mine") == "hang":
        HANGING.set()
        RELEASED.wait()


def replaces(name, **event):
    if name == "request_started":
        inner = event["application_object"]

        def other(environ, start_response):
            environ["replaced"] = "yes"
            return inner(environ, start_response)

        return {"application_object": other}


def path_of(environ):
    return environ["QUERY_STRING"]


def subscribe(environ):
    for name in (path_of(environ) or "keep").split("+"):
        if globals()[name] not in mod_wsgi.event_callbacks:
            assert mod_wsgi.subscribe_events(globals()[name]) is globals()[name]


def unsubscribe(environ):
    mod_wsgi.event_callbacks[:] = []
    EVENTS.clear()


def note(environ):
    folder = path_of(environ)

    def write(name, **event):
        with open(f"{folder}/{name}", "a") as file:
            file.write(json.dumps(event) + "\n")

    mod_wsgi.subscribe_shutdown(write)
    mod_wsgi.subscribe_signals(write)
    return os.getpid()


def data(environ):
    mod_wsgi.request_data()["mine"] = path_of(environ)
    return {"data": mod_wsgi.request_data(), "active": mod_wsgi.active_requests,
            "id": environ["mod_wsgi.request_id"]}


def thread(environ):
    def ask():
        try:
            found.append(mod_wsgi.request_data())
        except RuntimeError as error:
            found.append(str(error))

    found = []
    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    return found


def stream(environ):
    mod_wsgi.request_data()["mine"] = path_of(environ)
    return (b"{}" for _ in range(3))


def file(environ):
    mod_wsgi.request_data()["mine"] = path_of(environ)
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


class Closes:
    def __iter__(self):
        return iter([b"{}"])

    def close(self):
        raise ValueError("in close")


def boom(environ):
    raise ValueError("boom")


WAYS = {
    "/subscribe": subscribe,
    "/unsubscribe": unsubscribe,
    "/note": note,
    "/events": lambda environ: list(EVENTS),
    "/data": data,
    "/active": lambda environ: dict(mod_wsgi.active_requests),
    "/thread": thread,
    "/record": lambda environ: mod_wsgi.start_recording_metrics(),
    "/metrics": lambda environ: mod_wsgi.request_metrics(),
    "/process": lambda environ: mod_wsgi.process_metrics(),
    "/server": lambda environ: mod_wsgi.server_metrics(),
    "/body": lambda environ: len(environ["wsgi.input"].read()),
    "/hanging": lambda environ: HANGING.is_set(),
    "/release": lambda environ: RELEASED.set(),
    "/raises": boom,
    "/stream": stream,
    "/file": file,
    "/closes": lambda environ: Closes(),
    "/names": lambda environ: [dir(mod_wsgi), hasattr(mod_wsgi, "no_such_name")],
    "/replaced": lambda environ: environ.get("replaced"),
    "/nothing": lambda environ: "__brine_api__" in vars(mod_wsgi),
}


def application(environ, start_response):
    answer = WAYS[environ["PATH_INFO"]](environ)
    start_response("200 OK", [("Content-Type", "application/json")])
    ready = environ["PATH_INFO"] in ("/closes", "/stream", "/file")
    return answer if ready else [json.dumps(answer).encode()]
