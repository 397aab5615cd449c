"""The name that mod_wsgi 4 and 5 have for what is `mod_wsgi.express` in 6."""

from mod_wsgi.express.reloader import before_reload, start_reloader, track_changes
from mod_wsgi.express.runtime import ApplicationHandler, ResourceHandler

__all__ = ["ApplicationHandler", "ResourceHandler", "before_reload", "start_reloader", "track_changes"]
