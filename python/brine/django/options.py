"""What `runbrine` says of a site: from a Django project's settings and the command's options to a Site."""

import os
import re
import site as python_site
import sys
import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from brine.application import Application
from brine.looking import absolute
from brine.pythons import Python, running_version
from brine.refusal import Refusal
from brine.site import Site, Static, check_host, check_script, check_statics, check_url_path

_SCRIPT = Path(__file__).with_name("project.wsgi")
_STATIC_VARIABLE = "BRINE_DJANGO_STATIC"
_MOUNT_VARIABLE = "BRINE_DJANGO_MOUNT"


def address(text: str, host: str | None, port: int | None) -> tuple[str, int]:
    """Host and port: the options, or what runserver's argument `PORT` or `HOST:PORT` says."""
    match = re.fullmatch(r"(?:(?P<host>\[[0-9a-fA-F:.%\w]+\]|[^:]+):)?(?P<port>\d{1,5})", text or "8000")
    if not match or int(match["port"]) > 65535:
        raise Refusal(f"{text!r} is neither a port nor an address and port such as 127.0.0.1:8000.")
    if text and (host is not None or port is not None):
        raise Refusal(f"The address is given twice: as {text!r}, and by --host or --port.")
    return host or match["host"] or "127.0.0.1", int(match["port"]) if port is None else port


def running_python() -> Python:
    """The Python that runs this command is to run the project."""
    version = running_version()
    return Python(version) if sys.prefix == "/usr" else Python(version, Path(sys.prefix))


def project_folder() -> Path:
    """The folder of manage.py, or the current one."""
    return absolute(sys.path[0] or os.curdir)


def further_paths(project: Path) -> tuple[Path, ...]:
    """What manage.py or PYTHONPATH has put on the module path, which Python would not have there by itself."""
    own = {*sysconfig.get_paths().values(), *python_site.getsitepackages(), python_site.getusersitepackages()}
    own |= {f"{sysconfig.get_path('stdlib')}/lib-dynload", "/usr/lib/python3/dist-packages"}
    found = [absolute(path) for path in sys.path[1:] if path and os.path.isdir(path) and path not in own]
    return tuple(path for path in dict.fromkeys(found) if path != project)


def _static_url(settings: Any, mount: str) -> str:
    """Where static files are, as a path; empty where that is another server. A relative one is below the mount."""
    url = str(getattr(settings, "_wrapped", settings).STATIC_URL or "")
    parts = urlsplit(url)
    if parts.netloc or not parts.path:
        return ""
    return parts.path if parts.path.startswith("/") else f"{mount.rstrip('/')}/{parts.path}"


def _collected(settings: Any, url: str, mount: str, project: Path) -> tuple[tuple[Static, ...], str]:
    """The folder of collected files, and why they are not served if they are not."""
    root = str(settings.STATIC_ROOT or "")
    if not root:
        return (), "STATIC_ROOT is not set"
    if not os.path.isdir(root):
        return (), f"STATIC_ROOT {root} is not there: run `manage.py collectstatic`"
    return check_statics([f"{url}={root}"], (Application(project / "manage.py", mount),)), ""


def site_of(settings: Any, options: dict[str, Any]) -> tuple[Site, str]:
    """The site, and what should be said before it is served. Sets variables of the environment, for the script."""
    project = project_folder()
    mount = check_url_path("--mount", options["mount"])
    host, port = address(options["addrport"], options["host"], options["port"])
    given = [*options["static"], *(f"{url}={folder}" for url, folder in options["url_alias"])]
    application = Application(check_script(str(_SCRIPT)), mount, root=project, name=str(project))
    statics = check_statics(given, (Application(project / "manage.py", mount),))
    said = ""
    os.environ.pop(_STATIC_VARIABLE, None)
    if "django.contrib.staticfiles" in settings.INSTALLED_APPS and not options["nostatic"]:
        url = _static_url(settings, mount)
        if settings.DEBUG or options["insecure"]:
            os.environ.update({_STATIC_VARIABLE: "finders", _MOUNT_VARIABLE: mount})
        elif url and not any(static.url == url.rstrip("/") for static in statics):
            own, why = _collected(settings, url, mount, project)
            statics = tuple(sorted((*statics, *own), key=lambda static: -len(static.url)))
            said = f"Static files are not served: {why}." if why else ""
    seconds = options["request_timeout"]
    return Site(application=application, statics=statics, hosts=(check_host(host),), port=port,
                threads=options["threads"], processes=options["processes"], mpm=options["mpm"],
                reload=options["reload"], python=running_python(), home=project, paths=further_paths(project),
                body_limit=options["limit_request_body"],
                limits=() if seconds is None else (("request-timeout", f"{seconds}s"),)), said
