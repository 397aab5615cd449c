"""Well-behaved applications inside the standard checkers: `?CHECKER`.

Branches: wsgiref.validate, werkzeug's LintMiddleware, webtest.lint; GET, POST with a body, HEAD. What
a checker finds is an AssertionError, or a warning, which is turned into an error here.
"""

import warnings
from urllib.parse import parse_qs


def plain(environ, start_response):
    stream = environ["wsgi.input"]
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = b"got " + (stream.read(size) if size else b"nothing")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def wsgiref_checked():
    from wsgiref.validate import validator

    return validator(plain)


def werkzeug_checked():
    from werkzeug.middleware.lint import LintMiddleware

    return LintMiddleware(plain)


def webtest_checked():
    from webtest.lint import middleware

    return middleware(plain)


CHECKERS = {"wsgiref": wsgiref_checked, "werkzeug": werkzeug_checked, "webtest": webtest_checked}
made = {}


def application(environ, start_response):
    name = parse_qs(environ["QUERY_STRING"])["checker"][0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the checker's own imports
                made[name] = CHECKERS[name]()
        return made[name](environ, start_response)
