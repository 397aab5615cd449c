"""Logs by Python's logging. The path is a level's name, the query the text; /handlers tells what the root logger has.

/own gives the root logger a handler of the application's own, as a framework's configuration may; /restore takes it away.
"""

import json
import logging


def application(environ, start_response):
    start_response("200 OK", [])
    way, root = environ["PATH_INFO"][1:], logging.getLogger()
    if way == "handlers":
        return [json.dumps([[f"{type(each).__module__}.{type(each).__name__}" for each in root.handlers],
                            logging.getLevelName(root.level)]).encode()]
    logging.getLogger("shop").log(getattr(logging, way), "%s", environ["QUERY_STRING"].replace("+", "\n"))
    return [b""]
