"""What joins a request's lines in several logs. Paths:

/ids    the ids that the application is told: environ's two keys and brine.request_id's
/thread the id that a thread of the application's own sees
/record logs the query by Python's logging, in a format with the id, to stderr
/wait   waits until the file that the header X-File names is gone, in a function of its own, for the query's seconds at most
/raise  raises
/print  writes the query, unquoted, to stderr
/crash  ends the process by SIGABRT
"""

import json
import logging
import os
import sys
import threading
import time
from urllib.parse import unquote_to_bytes

from brine.request_id import RequestIdFilter, current

handler = logging.StreamHandler()
handler.addFilter(RequestIdFilter())
handler.setFormatter(logging.Formatter("<%(request_id)s> %(message)s"))
log = logging.getLogger("joined")
log.addHandler(handler)
log.propagate = False


def held_up(file, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (file and not os.path.exists(file)):
        time.sleep(0.01)


def in_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(current()))
    thread.start()
    thread.join()
    return found[0]


def application(environ, start_response):
    way, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    answer = [environ["brine.request_id"], environ["mod_wsgi.request_id"], current()]
    if way == "/thread":
        answer = in_thread()
    elif way == "/record":
        log.error("%s", query)
    elif way == "/wait":
        held_up(environ.get("HTTP_X_FILE"), float(query.split("&")[0]))
    elif way == "/raise":
        raise ValueError("raised here")
    elif way == "/print":
        sys.stderr.buffer.write(unquote_to_bytes(query) + b"\n")
        sys.stderr.flush()
    elif way == "/crash":
        os.abort()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
