"""jinja2's PackageLoader of the script's own name, made when it is first needed."""

from jinja2 import Environment, PackageLoader


def application(environ, start_response):
    text = Environment(loader=PackageLoader(__name__)).get_template("hello.txt").render(name="jinja2")
    start_response("200 OK", [])
    return [text.encode()]
