"""Pyramid: a view found by its dotted name, a static view beside the script."""

from pyramid.config import Configurator
from pyramid.path import AssetResolver, caller_module
from pyramid.response import Response


def hello(request):
    asset = AssetResolver().resolve("templates/hello.txt")
    return Response(f"Hello {caller_module(1).__name__ == __name__} {asset.exists()}")


def template(request):
    from pyramid.response import FileResponse
    return FileResponse(AssetResolver(__name__).resolve("templates/hello.txt").abspath(), request=request)


with Configurator() as config:
    config.add_route("hello", "/")
    config.add_view(__name__ + ".hello", route_name="hello")
    config.add_static_view("static", "templates")
    application = config.make_wsgi_app()
