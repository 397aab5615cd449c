"""Uses apache.request_rec as an extension module does that was written for mod_wsgi.

The answer is the request line as httpd's structure has it, or "none". `?keep` keeps the capsule, and `?kept` says what
is to be had from it during a later request.
"""

import ctypes

GET = ctypes.pythonapi.PyCapsule_GetPointer
GET.restype, GET.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
NAME = ctypes.pythonapi.PyCapsule_GetName
NAME.restype, NAME.argtypes = ctypes.c_char_p, [ctypes.py_object]
THE_REQUEST = 6  # pool, connection, server, next, prev, main, the_request
kept = []


def request_line(capsule):
    members = ctypes.cast(GET(capsule, None), ctypes.POINTER(ctypes.c_char_p))
    return members[THE_REQUEST].decode()


def said(environ):
    if environ["QUERY_STRING"] == "kept":
        if not kept:
            return "none kept"
        try:
            return f"address {GET(kept[0], None)}"
        except ValueError as error:
            return f"ValueError, {NAME(kept[0]).decode()}, {GET(kept[0], NAME(kept[0])) == kept[1]}"
    capsule = environ.get("apache.request_rec")
    if capsule is None:
        return "none"
    if environ["QUERY_STRING"] == "keep":
        kept[:] = [capsule, GET(capsule, None)]
        return "kept"
    return request_line(capsule)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said(environ).encode()]
