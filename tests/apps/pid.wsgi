"""Answers with the pid of its process. Branches: `hold=PATH` does so when the file PATH is there,
and makes PATH.held when it begins to wait. Mounted at /busy, it takes 20 ms for each request."""

import os
import time


def application(environ, start_response):
    name, _, path = environ["QUERY_STRING"].partition("=")
    if name == "hold":
        with open(path + ".held", "w") as file:
            file.write(str(os.getpid()))
        while not os.path.exists(path):
            time.sleep(0.005)
    if environ["SCRIPT_NAME"] == "/busy":
        time.sleep(0.02)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
