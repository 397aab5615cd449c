"""Asks a server what it says of itself."""

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from brine.refusal import Refusal

Snapshot = dict[str, Any]
"""What SetHandler brine-status answers with ?format=json; docs/status.schema.json describes it."""

DEFAULT_URL = "http://localhost/brine-status"
_PATH = "/brine-status"
_SECONDS = 10
_MOST_BYTES = 64 << 20
_LISTENING = "0A"


def url_of(text: str) -> str:
    """The URL of the JSON, of what a person calls the server: "localhost:8000", or a whole URL."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urllib.parse.urlsplit(url)
        name = (parts.hostname or "").encode("idna").decode()
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        parts, name = urllib.parse.urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:%-]+", name, re.ASCII) or parts.username:
        raise Refusal(f"{text!r} is no URL of a server: http://localhost/brine-status is one.")
    path = parts.path if parts.path not in ("", "/") else _PATH
    address = f"[{name}]" if ":" in name else name
    return urllib.parse.urlunsplit((parts.scheme, address + port, urllib.parse.quote(path, "/%:@!$&'()*+,;=~"),
                                    "format=json", ""))


def ask(url: str) -> Snapshot:
    """What the server says now."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            found = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise Refusal(f"{url} answers {error.code}: is there a SetHandler brine-status, and may this machine see it? "
                      "See conf/status.conf.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Refusal(f"{url} cannot be asked: {reason}.") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("groups"), list):
        raise Refusal(f"{url} answers something else than the status of Brine: has its <Location> a SetHandler "
                      "brine-status?")
    return found


def ports_of(pid: int) -> list[int]:
    """The TCP ports on which a process listens."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        sockets = {match[1] for name in names if (match := re.fullmatch(r"socket:\[(\d+)\]", _link(pid, name)))}
    except FileNotFoundError:
        raise Refusal(f"There is no process {pid}.") from None
    except OSError as error:
        raise Refusal(f"Process {pid} cannot be looked at: {error.strerror}.") from None
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        ports.update(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING and row[9] in sockets)
    return sorted(ports)


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{name}")
    except OSError:
        return ""


def url_of_process(pid: int) -> str:
    """The URL at which the httpd of this pid shows its status to this machine."""
    for port in ports_of(pid):
        for scheme in ("http", "https"):
            url = f"{scheme}://localhost:{port}{_PATH}?format=json"
            try:
                ask(url)
            except Refusal:
                continue
            return url
    raise Refusal(f"No port of process {pid} shows {_PATH} to this machine: name the URL, or see conf/status.conf.")
