"""Who serves this: the Python, the module, and whether it is embedded. JSON."""

import json
import sys


def application(environ, start_response):
    facts = {
        "python": sys.version.split()[0],
        "mod_wsgi": ".".join(map(str, environ.get("mod_wsgi.version", ()))),
        "brine": environ.get("brine.version", ""),
        "process_group": environ.get("mod_wsgi.process_group", ""),
        "server_software": environ.get("SERVER_SOFTWARE", ""),
        "multithread": bool(environ["wsgi.multithread"]),
    }
    body = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Type", "application/json"),
                              ("Content-Length", str(len(body)))])
    return [body]
