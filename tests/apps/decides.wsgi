"""Decides about requests as the query says, and serves none.

`answer=LITERAL` is what a function returns (`realm` and `groups`: of those functions), `raise=WORDS` what it raises.
`seen=FILE` gets what the function was given, as JSON. `exit=1` ends the process, `hold=FILE` waits until FILE is there.
The functions of a route take `process_group=`, `application_group=` and `callable_object=`.
"""

import ast
import hashlib
import json
import os
import time
from urllib.parse import parse_qs

USERS = {"anna": "secret", "jürgen": "pässwort", "both:colons": "a:b"}
GROUPS = {"anna": ["staff", b"editors"], "jürgen": ["büro"]}


def asked(function, environ, *arguments):
    query = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    if "seen" in query:
        seen = {"function": function, "arguments": arguments,
                "environ": {key: value for key, value in environ.items() if isinstance(value, str)},
                "keys": sorted(environ), "https": environ["mod_ssl.is_https"](),
                "variable": environ["mod_ssl.var_lookup"](query.get("variable", "SSL_PROTOCOL")), "pid": os.getpid()}
        with open(query["seen"] + ".new", "w") as file:
            json.dump(seen, file)
        os.replace(query["seen"] + ".new", query["seen"])
    if "hold" in query:
        open(query["hold"] + ".held", "w").close()
        while not os.path.exists(query["hold"]):
            time.sleep(0.01)
    if "exit" in query:
        os._exit(3)
    if "quit" in query:
        raise SystemExit("quit")
    if "raise" in query:
        raise ValueError(query["raise"])
    return query


def answer(query, default):
    if query.get("answer") == "endless":
        return iter(str, 1)
    return ast.literal_eval(query["answer"]) if "answer" in query else default


def allow_access(environ, host):
    return answer(asked("allow_access", environ, host), True)


def check_password(environ, user, password):
    query = asked("check_password", environ, user, password)
    return answer(query, USERS[user] == password if user in USERS else None)


def get_realm_hash(environ, user, realm):
    query = asked("get_realm_hash", environ, user, realm)
    if user not in USERS:
        return answer(query, None)
    return answer(query, hashlib.md5(f"{user}:{realm}:{USERS[user]}".encode()).hexdigest())


def groups_for_user(environ, user):
    query = asked("groups_for_user", environ, user)
    return answer({"answer": query["groups"]} if "groups" in query else {}, GROUPS.get(user, []))


def process_group(environ):
    return part("process_group", environ)


def application_group(environ):
    return part("application_group", environ)


def callable_object(environ):
    return part("callable_object", environ)


def part(name, environ):
    query = asked(name, environ)
    if query.get(name, "")[:1] in ("b", "1", "["):
        return ast.literal_eval(query[name])
    return query.get(name)


def other(environ, *arguments):
    return asked("other", environ, *arguments) is None


not_callable = 5
