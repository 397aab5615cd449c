"""Configures logging itself while it is loaded."""

import logging

logging.basicConfig(format="its own %(message)s")


def application(environ, start_response):
    start_response("200 OK", [])
    logging.error("here")
    return [logging.getLogger().handlers[0].__class__.__name__.encode()]
