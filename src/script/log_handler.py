"""mod_wsgi.LogHandler; run when somebody first asks for it, as `logging` is large.

bootstrap.py puts record(level, text) of wsgi/events.cpp among its globals.
"""

import logging

LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG = 7


def level_of(number):
    """httpd's level for one of Python's, also for those between."""
    for least, level in LEVELS:
        if number >= least:
            return level
    return DEBUG


class LogHandler(logging.Handler):
    """Writes records to httpd's error log, each at httpd's level for its own.

    What is logged while a request is served goes to the log of its virtual host, with the request's id.
    """

    def emit(self, entry):
        try:
            record(level_of(entry.levelno), self.format(entry))
        except RecursionError:
            raise
        except Exception:
            self.handleError(entry)


LogHandler.__module__ = "mod_wsgi"
