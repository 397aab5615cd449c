"""Takes its input as CGI programs do, by CONTENT_LENGTH, and tells as JSON what it got and saw.

Branches: `?rest` reads on to the end of the input, without which it would see what is left there.
"""

import hashlib
import json

SEEN = ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING", "wsgi.input_terminated",
        "SERVER_PROTOCOL")


def application(environ, start_response):
    stream = environ["wsgi.input"]
    body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    rest = stream.read() if environ["QUERY_STRING"] == "rest" else b""
    result = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rest": len(rest),
              **{name: environ[name] for name in SEEN if name in environ}}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]
