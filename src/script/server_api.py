"""What `import mod_wsgi` has besides constants: subscribers of events, the data of requests, metrics.

Run in an interpreter when an application first asks for one of these names. bootstrap.py puts among its globals
the functions of wsgi/events.cpp, mod_wsgi.RequestTimeout, and what the module knows of its process.
"""

import os
import signal
import time

PAGE = os.sysconf("SC_PAGESIZE")

event_callbacks = []
shutdown_callbacks = []
signal_callbacks = []

recording = None
"""What there was when `start_recording_metrics` was called; None: it was not."""


def subscribed(callbacks, callback):
    if not callable(callback):
        raise TypeError(f"a subscriber must be callable, not of type {type(callback).__name__}")
    callbacks.append(callback)
    return callback


def subscribe_events(callback):
    """Has callback(name, **payload) called for each event. Returns it, so that this can be a decorator."""
    observe(publish)
    return subscribed(event_callbacks, callback)


def subscribe_shutdown(callback):
    """Has callback("process_stopping", shutdown_reason=...) called before the process ends."""
    return subscribed(shutdown_callbacks, callback)


def subscribe_signals(callback):
    """Has callback("process_signal", signame=..., signum=...) called for SIGHUP and SIGUSR2 of a daemon process."""
    return subscribed(signal_callbacks, callback)


def publish(name, event):
    """Called by wsgi/events.cpp, by the thread that serves the request."""
    call_all(event_callbacks, name, event)


def call_all(callbacks, name, event):
    """What a subscriber raises is logged, and what it returns, if a dict, those after it and the server see."""
    for callback in tuple(callbacks):
        try:
            change = callback(name, **event)
            if isinstance(change, dict):
                event.update((key, value) for key, value in change.items() if isinstance(key, str))
        except BaseException as error:
            if isinstance(error, RequestTimeout) and name in ("request_started", "response_started"):
                raise  # the request is to end
            report(error, f"BRINE0417: a subscriber of mod_wsgi's event {name}, {called(callback)}, raised ")


def called(callback):
    return f"{getattr(callback, '__module__', None)}.{getattr(callback, '__qualname__', type(callback).__qualname__)}"


def publish_stopping(reason):
    for callbacks in (event_callbacks, shutdown_callbacks):
        call_all(callbacks, "process_stopping", {"shutdown_reason": reason})


def publish_forked():
    call_all(event_callbacks, "process_forked", {})


def publish_signal(number):
    event = {"signame": signal.Signals(number).name, "signum": number}
    for callbacks in (event_callbacks, signal_callbacks):
        call_all(callbacks, "process_signal", dict(event))


def request_data():
    """The dict of the request that this thread serves, for whatever an application keeps in it."""
    return current_data()


# --- metrics --------------------------------------------------------------------------------------


def start_recording_metrics():
    """From now on `request_metrics` counts requests, for the rest of the process's life."""
    global recording
    if recording is None:
        observe(None)
        recording = {"time": time.time(), "cpu": os.times(), "totals": totals()}


def memory():
    """(bytes of memory in use, the most that there were)."""
    import resource

    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    return pages * PAGE, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def request_metrics():
    """The requests that have ended since `start_recording_metrics`, or None. To read them changes nothing."""
    if recording is None:
        return None
    now, cpu, found = time.time(), os.times(), totals()
    start, before = recording["time"], recording["totals"]
    period = max(now - start, 1e-6)
    requests = found["requests"] - before["requests"]
    threads = [
        (done - then[3], busy - then[4], spent - then[5], now - since if since else 0.0, longest, count - then[0])
        for (count, _, since, done, busy, spent, longest), then in zip(found["threads"], before["threads"])
    ]
    user, system = cpu.user - recording["cpu"].user, cpu.system - recording["cpu"].system
    rss, most_rss = memory()
    completed = [done for done, *_ in threads]
    metrics = {
        "pid": os.getpid(),
        "start_time": start,
        "stop_time": now,
        "sample_period": period,
        "request_count": requests,
        "request_throughput": requests / period,
        "request_threads_maximum": len(threads),
        "request_threads_started": sum(1 for thread in found["threads"] if thread[0]),
        "request_threads_active": sum(1 for thread in found["threads"] if thread[1]),
        "capacity_utilization": sum(busy + elapsed for _, busy, _, elapsed, *_ in threads)
        / period / max(len(threads), 1),
        "request_threads_completed": completed,
        "request_threads_buckets": list(completed),
        "request_threads_busy_time": [busy for _, busy, *_ in threads],
        "request_threads_cpu_time": [spent for _, _, spent, *_ in threads],
        "request_threads_current_elapsed": [elapsed for *_, elapsed, _, _ in threads],
        "request_threads_max_duration": [longest for *_, longest, _ in threads],
        "gil_wait_count": requests,
        "cpu_user_utilization": user / period,
        "cpu_system_utilization": system / period,
        "cpu_utilization": (user + system) / period,
        "cpu_user_time": user / period,
        "cpu_system_time": system / period,
        "cpu_time": (user + system) / period,
        "memory_rss": rss,
        "memory_max_rss": most_rss,
    }
    for number, (count, then) in enumerate(zip(found["statuses"], before["statuses"]), 1):
        metrics[f"status_{number}xx"] = count - then
    for key in ("input_reads", "input_bytes", "output_writes", "output_bytes"):
        metrics[key] = found[key] - before[key]
    for name, (total, least, most, buckets) in found["timings"].items():
        old_total, _, _, old_buckets = before["timings"][name]
        metrics[name] = (total - old_total) / requests if requests else 0.0
        metrics[f"{name}_min_us"] = round(least * 1e6)
        metrics[f"{name}_max_us"] = round(most * 1e6)
        metrics[f"{name}_buckets"] = [count - then for count, then in zip(buckets, old_buckets)]
    return metrics


def process_metrics():
    """What the process has done since its start. request_busy_time is that of observed requests alone."""
    now, cpu, found = time.time(), os.times(), totals()
    rss, most_rss = memory()
    threads = found["threads"]
    return {
        "pid": os.getpid(),
        "restart_time": STARTED,
        "current_time": now,
        "running_time": now - STARTED,
        "request_count": sum(thread[0] for thread in threads),
        "request_busy_time": sum(thread[4] + (now - thread[2] if thread[2] else 0.0) for thread in threads),
        "request_threads": sum(1 for thread in threads if thread[0]),
        "active_requests": sum(1 for thread in threads if thread[1]),
        "cpu_user_time": cpu.user,
        "cpu_system_time": cpu.system,
        "cpu_time": cpu.user + cpu.system,
        "memory_rss": rss,
        "memory_max_rss": most_rss,
        "threads": [{"thread_id": number, "request_count": thread[0]}
                    for number, thread in enumerate(threads, 1) if thread[0]],
    }


def server_metrics():
    """What httpd's scoreboard shows, in httpd's own processes with WSGIServerMetrics On; else None."""
    return server()
