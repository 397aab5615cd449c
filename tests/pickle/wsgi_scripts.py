"""WSGI scripts without a server: files of tests/apps, loaded under the names that scripts have, and asked."""

import hashlib
import json
import sys
import types
from urllib.parse import urlencode

from places import REPOSITORY

APPS = REPOSITORY / "tests" / "apps"


class Script:
    """A script that serves; `registered` as by WSGIScriptModules Registered, where its module stays in sys.modules."""

    def __init__(self, name, registered, monkeypatch):
        self.path = APPS / f"{name}.wsgi"
        self.registered = registered
        self.module = types.ModuleType("_mod_wsgi_" + hashlib.md5(str(self.path).encode()).hexdigest())
        self.module.__file__ = str(self.path)
        monkeypatch.setitem(sys.modules, self.module.__name__, self.module)
        exec(compile(self.path.read_text(), self.path, "exec"), vars(self.module))
        if not registered:
            monkeypatch.delitem(sys.modules, self.module.__name__)

    def found(self):
        """What the server would say of it: path, module, generation, registered."""
        return str(self.path), self.module, 1, self.registered

    def ask(self, **query):
        """What the application says to a request; a status other than 200 fails the test."""
        statuses = []
        body = b"".join(self.module.application({"QUERY_STRING": urlencode(query)},
                                                lambda status, headers: statuses.append(status)))
        assert statuses == ["200 OK"]
        return json.loads(body)
