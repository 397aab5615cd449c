"""Says where a request arrived: SCRIPT_NAME, PATH_INFO, script file, callable, group, handler.

Branches: `application`, another callable `other`, the entry point of a handler script.
"""

import json


def answer(environ, start_response, name):
    facts = {
        "callable": name,
        "script_name": environ["SCRIPT_NAME"],
        "path_info": environ["PATH_INFO"],
        "file": __file__,
        "script_filename": environ["SCRIPT_FILENAME"],
        "group": environ["mod_wsgi.application_group"],
        "handler": environ["mod_wsgi.request_handler"],
        "handler_script": environ["mod_wsgi.handler_script"],
        "authorization": environ.get("HTTP_AUTHORIZATION"),
        "method": environ["REQUEST_METHOD"],
        "redirect_url": environ.get("REDIRECT_URL"),
        "user": environ.get("REMOTE_USER"),
    }
    body = json.dumps(facts).encode()
    headers = [("Content-Type", "application/json"), ("X-Method", environ["REQUEST_METHOD"])]
    start_response("200 OK", headers)
    return [body]


def application(environ, start_response):
    return answer(environ, start_response, "application")


def other(environ, start_response):
    return answer(environ, start_response, "other")


def handle_request(environ, start_response):
    return answer(environ, start_response, "handle_request")


not_callable = 42
