"""A Flask application in one file, with its templates and static files beside it.

Branches: a template and a static file found by `Flask(__name__)`, the session, a form, a file upload,
a streaming response with the request's context, send_file, JSON, a redirect, 404, abort, an exception.
"""

import io

from flask import (Flask, Response, abort, jsonify, redirect, render_template, request, send_file,
                   session, stream_with_context, url_for)

app = Flask(__name__)
app.secret_key = "for tests only"
application = app


@app.route("/")
def index():
    session["visits"] = session.get("visits", 0) + 1
    return render_template("index.html", visits=session["visits"])


@app.route("/root")
def root():
    return jsonify(root_path=app.root_path, static=url_for("static", filename="site.css"),
                   import_name=app.import_name)


@app.route("/greet", methods=["POST"])
def greet():
    return f"Hello {request.form['name']}"


@app.route("/upload", methods=["POST"])
def upload():
    file = request.files["file"]
    return jsonify(name=file.filename, size=len(file.read()))


@app.route("/stream")
def stream():
    def lines():
        for i in range(1000):
            yield f"{request.args['word']} {i}\n"

    return Response(stream_with_context(lines()), mimetype="text/plain")


@app.route("/download")
def download():
    return send_file(io.BytesIO(b"download " * 10000), mimetype="text/plain")


@app.route("/file")
def file():
    return send_file(__file__, mimetype="text/plain", conditional=True)


@app.route("/json", methods=["POST"])
def json_echo():
    return jsonify(request.get_json())


@app.route("/away")
def away():
    return redirect("/elsewhere")


@app.route("/teapot")
def teapot():
    abort(418)


@app.route("/fail")
def fail():
    raise ValueError("Flask's view failed")
