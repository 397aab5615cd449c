"""Answers with the header fields that the query string names: `?Connection=close&X-Own=1`."""

from urllib.parse import parse_qsl


def application(environ, start_response):
    fields = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    start_response("200 OK", [("Content-Type", "text/plain"), *fields])
    return [b"answer"]
