"""The frameworks' own ways to take an upload: `/FRAMEWORK/WAY`, which answers with what was taken.

FRAMEWORK is bottle, falcon or flask; WAY is body (all of it), json (its field `text`), form (likewise, multipart or
urlencoded) or file (of a multipart body).
"""

import bottle
import falcon
import flask


def in_bottle():
    app = bottle.Bottle()
    ways = {"body": lambda: bottle.request.body.read(), "json": lambda: bottle.request.json["text"],
            "form": lambda: bottle.request.forms.getunicode("text"), "file": lambda: bottle.request.files["file"].file.read()}
    app.route("/<way>", "POST", lambda way: ways[way]())
    return app


class InFalcon:
    def on_post(self, req, resp, way):
        if way == "body":
            resp.data = req.bounded_stream.read()
        elif way == "json":
            resp.text = req.get_media()["text"]
        elif req.content_type.startswith("multipart/"):
            resp.data = b"".join(part.stream.read() for part in req.get_media() if part.name in ("file", "text"))
        else:
            resp.text = req.get_media()["text"]


def in_falcon():
    app = falcon.App()
    app.add_route("/{way}", InFalcon())
    return app


def in_flask():
    app = flask.Flask("uploads")
    ways = {"body": lambda: flask.request.data, "json": lambda: flask.request.json["text"],
            "form": lambda: flask.request.form["text"], "file": lambda: flask.request.files["file"].read()}
    app.route("/<way>", methods=["POST"])(lambda way: ways[way]())
    return app


APPS = {"bottle": in_bottle(), "falcon": in_falcon(), "flask": in_flask()}


def application(environ, start_response):
    _, name, way = environ["PATH_INFO"].split("/")
    environ["PATH_INFO"] = f"/{way}"
    answer = APPS[name](environ, start_response)
    bottle.request.bind({})  # it would keep its thread's last request, with the file in it
    return answer
