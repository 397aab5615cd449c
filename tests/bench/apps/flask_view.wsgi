"""A Flask application: URL route, a template with a loop."""

from flask import Flask, render_template
from jinja2 import DictLoader

application = Flask(__name__)
application.jinja_loader = DictLoader({
    "page.html": "<h1>{{ name }}</h1><ul>{% for i in items %}<li>{{ i }}</li>{% endfor %}</ul>",
})


@application.route("/page/<name>")
def page(name):
    return render_template("page.html", name=name, items=range(10))
