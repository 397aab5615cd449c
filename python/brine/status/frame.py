"""Makes text of what a server says of itself. Pure."""

import time
from typing import Any

from brine.status.source import Snapshot

_SLOW_SHOWN = 5
_ERRORS_SHOWN = 5


def printable(text: object) -> str:
    """The text without what moves a terminal's cursor: it may be a client's, or a tenant's."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(text))


def duration(seconds: float) -> str:
    for most, divisor, unit in ((0.9995, 0.001, "ms"), (120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < most:
            value = seconds / divisor
            return f"{value:.1f} {unit}" if unit == "s" and value < 10 else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count else "-"


def served(group: dict[str, Any]) -> tuple[int, int]:
    """How many requests a group's scripts have answered, and how many of them with 5xx."""
    counts = [(kind, count) for script in group["scripts"] for kind, count in script["requests"].items()]
    return sum(count for _, count in counts), sum(count for kind, count in counts if kind.endswith("5xx"))


def rates(group: dict[str, Any], time_now: float, before: Snapshot | None) -> tuple[str, str]:
    """Requests and errors a second since the last look."""
    old = next((other for other in before["groups"] if other["name"] == group["name"]), None) if before else None
    if before is None or old is None or time_now <= before["time"]:
        return "-", "-"
    new, past, seconds = served(group), served(old), time_now - before["time"]
    return f"{(new[0] - past[0]) / seconds:.1f}/s", f"{(new[1] - past[1]) / seconds:.1f}/s"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines with columns as wide as what is in them."""
    if not rows:
        return []
    cells = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]


def is_shown(group: dict[str, Any]) -> bool:
    return bool(group["daemon"] or group["scripts"])


def _ready(group: dict[str, Any]) -> str:
    """How many processes serve, of how many; and how many there may be, where that follows the load."""
    if not group["daemon"]:
        return str(len(group["running"]))
    least, most = group["processes_min"], group["processes_max"]
    return f"{group['ready']}/{group['processes']}" + (f" ({least}-{most})" if least < most else "")


def _groups(shown: Snapshot, before: Snapshot | None) -> list[str]:
    rows = []
    for group in filter(is_shown, shown["groups"]):
        threads = f"{group['busy']}/{group['threads_per_process'] * group['ready']}" if group["daemon"] else "-"
        memory = sum(process["resident_memory_bytes"] for process in group["running"])
        per_second, errors = rates(group, shown["time"], before)
        rows.append([group["fault"] and f"{group['name']} (out of order)" or group["name"], _ready(group), threads,
                     str(group["waiting"]), per_second, errors, str(served(group)[0]), size(memory),
                     duration(group["cpu_seconds"]) if group["daemon"] else "-"])
    return table(["GROUP", "READY", "BUSY", "WAITING", "REQUESTS", "5XX", "TOTAL", "MEMORY", "CPU"], rows)


def _running(shown: Snapshot) -> list[str]:
    requests = [(group["name"], request) for group in shown["groups"] for request in group["requests"]]
    requests.sort(key=lambda pair: -float(pair[1]["age_seconds"]))
    return table(["SINCE", "GROUP", "PID", "THREAD", "ID", "REQUEST"], [
        [duration(request["age_seconds"]), name, str(request["pid"] or "waits"), str(request["thread"] or "-"),
         request["id"], request["request"]] for name, request in requests])


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _took(request: dict[str, Any]) -> str:
    return duration(sum(request[f"{phase}_seconds"] for phase in ("waiting", "application", "delivery")))


def _lately(shown: Snapshot) -> list[list[str]]:
    slow = table(["ENDED", "TOOK", "STATUS", "GROUP", "SLOW REQUEST"], [
        [_clock(request["ended"]), _took(request), str(request["status"]), request["process_group"], request["request"]]
        for request in shown["slow"][:_SLOW_SHOWN]])
    errors = table(["AT", "CODE", "ERROR"], [[_clock(error["time"]), error["code"], error["text"]]
                                             for error in shown["errors"][:_ERRORS_SHOWN]])
    return [slow, errors]


def frame(shown: Snapshot, before: Snapshot | None) -> list[str]:
    """All of it, in lines: the groups, what runs, what has happened lately. `before` is an earlier look, for rates."""
    head = (f"Brine {printable(shown['version'])}, httpd runs for {duration(shown['time'] - shown['started'])}, "
            f"configuration {shown['generation'] + 1}")
    lines = [head]
    faults = [f"{printable(group['name'])} is out of order: {printable(group['fault'])}"
              for group in shown["groups"] if group["fault"]]
    for part in (_groups(shown, before), faults, _running(shown), *_lately(shown)):
        if part:
            lines += ["", *part]
    return lines


def is_well(shown: Snapshot) -> bool:
    """Whether each daemon process group can serve."""
    return all(group["ready"] > 0 and not group["fault"] for group in shown["groups"] if group["daemon"])
