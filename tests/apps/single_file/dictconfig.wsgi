"""logging.config.dictConfig that names a handler, a filter's maker and a stream of the script."""

import io
import logging
import logging.config

stream = io.StringIO()


class Handler(logging.StreamHandler):
    pass


class Names:
    class Formatter(logging.Formatter):
        def format(self, record):
            return "formatted " + super().format(record)


def make_filter(word):
    return lambda record: word in record.getMessage()


def application(environ, start_response):
    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "filters": {"some": {"()": __name__ + ".make_filter", "word": "wanted"}},
        "formatters": {"own": {"class": __name__ + ".Names.Formatter"}},
        "handlers": {"own": {"class": __name__ + ".Handler", "stream": f"ext://{__name__}.stream",
                             "formatter": "own", "filters": ["some"]}},
        "loggers": {"single_file": {"handlers": ["own"], "level": "INFO", "propagate": False}},
    })
    logging.getLogger("single_file").info("wanted")
    logging.getLogger("single_file").info("not")
    start_response("200 OK", [])
    return [stream.getvalue().encode()]
