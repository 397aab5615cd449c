"""Asks mod_ssl about the request's connection, by the functions in its environ.

`?name=VARIABLE` looks one up. `?while=read` asks between two reads of the body, `?while=write` between two blocks of the
response, and answers with the body and whether the answers were right. `?distinct=N` looks up N names, `?again=N` one name
N times. `?keep` keeps the functions, `?kept` calls them during a later request. `?wrong` calls them with wrong arguments.
"""

import json
from urllib.parse import parse_qsl

kept = []


def raised(function, *arguments, **named):
    try:
        return ["returned", function(*arguments, **named)]
    except Exception as error:
        return [type(error).__name__, str(error)]


def answered(environ, query):
    is_https, look_up = environ["mod_ssl.is_https"], environ["mod_ssl.var_lookup"]
    if "name" in query:
        return [is_https(), look_up(query["name"]), look_up(query["name"].encode())]
    if "distinct" in query:
        return [look_up(f"NO_SUCH_{number}") for number in range(int(query["distinct"]))] + [is_https()]
    if "again" in query:
        return sorted({look_up("SSL_PROTOCOL") for _ in range(int(query["again"]))})
    if "keep" in query:
        kept[:] = [is_https, look_up]
        return "kept"
    if "kept" in query:
        return [raised(kept[0]), raised(kept[1], "SSL_PROTOCOL"), kept[0] is is_https] if kept else "none kept"
    return [raised(is_https, 1), raised(look_up), raised(look_up, 5), raised(look_up, "A\0B"), raised(look_up, name="X")]


def application(environ, start_response):
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    look_up = environ["mod_ssl.var_lookup"]
    headers = [("Content-Type", "application/json")]
    if query.get("while") == "read":
        stream, pieces, good = environ["wsgi.input"], [], True
        while piece := stream.read(50000):
            pieces.append(piece)
            good = good and look_up("SSL_PROTOCOL").startswith("TLS") and not look_up(f"NO_SUCH_{len(pieces)}")
        start_response("200 OK", headers + [("X-Good", str(good))])
        return [b"".join(pieces)]
    if query.get("while") == "write":
        start_response("200 OK", headers)
        return (b"%d %s\n" % (number, (look_up("SSL_PROTOCOL") or f"{look_up(str(number))}").encode())
                for number in range(2000))
    start_response("200 OK", headers)
    return [json.dumps(answered(environ, query)).encode()]
