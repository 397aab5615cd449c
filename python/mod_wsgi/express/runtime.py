"""What the `handler.wsgi` and `resource.wsgi` of a server root import that `mod_wsgi-express setup-server` has made.

The engine carries this module, and it comes before whatever mod_wsgi has installed: such a server root runs as it is.
"""

import importlib
import os
import pdb
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# The name of the module that a script becomes, and which its pickles may name.
_SCRIPT_MODULE = "__wsgi__"


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What identifies a version of a file; None where it cannot be looked at."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _load_file(path: str, name: str) -> types.ModuleType:
    """The module that a file makes. It is in sys.modules while it executes, and afterwards."""
    module = types.ModuleType(name)
    module.__file__ = path
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _nothing_here(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application of a site that has only files."""
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    return [b"Not Found"]


class _Debugged:
    """An application whose exceptions open Python's debugger at the terminal of `httpd -X`."""

    def __init__(self, application: Application, at_start: bool) -> None:
        self._application, self._at_start = application, at_start

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = None
        try:
            if self._at_start:
                self._at_start = False
                answer = pdb.runcall(self._application, environ, start_response)
            else:
                answer = self._application(environ, start_response)
            yield from answer
        except Exception:
            pdb.post_mortem(sys.exc_info()[2])
            raise
        finally:
            if hasattr(answer, "close"):
                answer.close()


class ApplicationHandler:
    """The site's application, found by what the server root says of it, and the paths that it expects to see."""

    def __init__(self, entry_point: str, application_type: str = "script", callable_object: str = "application",
                 mount_point: str = "/", debug_mode: bool = False, enable_debugger: bool = False,
                 debugger_startup: bool = False, **others: Any) -> None:
        """Arguments of other releases of mod_wsgi are in `others`; those that ask for something that is not there are
        said in the log."""
        self.entry_point = entry_point
        self.application_type = application_type
        self.callable_object = callable_object
        self.mount_point = mount_point.rstrip("/")
        self._is_file = application_type in ("script", "paste")
        # The stamp is taken before the file is read: a change in between is seen as one.
        self._stamp = _stamp(entry_point) if self._is_file else None
        self.application = self._find()
        if debug_mode and enable_debugger:
            self.application = _Debugged(self.application, debugger_startup)
        for name, value in others.items():
            if value and name.startswith(("enable_", "with_")):
                _warn(f"The server root's handler asks for {name}, which Brine does not have; it has no effect.")

    def _find(self) -> Application:
        if self.application_type == "static":
            return _nothing_here
        if self.application_type == "paste":
            deploy = importlib.import_module("paste.deploy")
            found: Application = deploy.loadapp(f"config:{self.entry_point}")
            return found
        if self.application_type == "module":
            self.module = importlib.import_module(self.entry_point)
        else:
            self.module = _load_file(self.entry_point, _SCRIPT_MODULE)
        found = self.module
        for name in self.callable_object.split("."):
            found = getattr(found, name)
        return found

    def reload_required(self, resource: str) -> bool:
        """Whether the entry point has changed. One that has gone, perhaps for a moment, is no reason to reload."""
        if not self._is_file:
            return False
        now = _stamp(self.entry_point)
        return now is not None and now != self._stamp

    def handle_request(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Calls the application, with the paths as if it were mounted where the server root says."""
        self._mount(environ)
        return self.application(environ, start_response)

    def _mount(self, environ: Environ) -> None:
        """Puts the paths right: httpd took the first part of the URL for the name of a file below its document root."""
        proxied = "mod_wsgi.mount_point" in environ  # a trusted proxy has said the application's mount point
        name = environ.get("mod_wsgi.script_name", "") if proxied else environ.get("SCRIPT_NAME", "")
        path = name + environ.get("PATH_INFO", "")
        below = self.mount_point and (path == self.mount_point or path.startswith(f"{self.mount_point}/"))
        if not proxied:
            environ["SCRIPT_NAME"] = self.mount_point if below else ""
        environ["PATH_INFO"] = path[len(self.mount_point):] if below else path


class ResourceHandler:
    """Files of certain kinds below the document root, each kind with the script that handles it."""

    def __init__(self, resources: dict[str, str]) -> None:
        """`resources` maps a file's extension, dot and all, to a script."""
        self._stamps = {script: _stamp(script) for script in resources.values()}
        self._scripts = dict(resources)
        self._modules = {extension: _load_file(script, f"__wsgi_resource{number}__")
                         for number, (extension, script) in enumerate(sorted(resources.items()))}

    def reload_required(self, resource: str) -> bool:
        """Whether the script that handles this file has changed."""
        script = self._scripts.get(os.path.splitext(resource)[1])
        if script is None:
            return False
        now = _stamp(script)
        return now is not None and now != self._stamps[script]

    def handle_request(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Calls `handle_request` of the kind's script, or its `application`."""
        extension = os.path.splitext(environ["SCRIPT_NAME"])[1]
        module = self._modules[extension]
        handle: Application = getattr(module, "handle_request", None) or module.application
        return handle(environ, start_response)
