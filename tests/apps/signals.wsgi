"""What signals do here and in processes that this one starts: `/WAY`, answers with JSON.

Branches: programs, threads (the blocked and ignored signals of programs started in each way, by the
request's thread or by one of the application's), children (the same of forked ones), handlers (which
signals a forked child handles), own (what this process ignores), limit (writes beyond RLIMIT_FSIZE),
pipe (writes to a pipe that nobody reads), terminate (ends a program and a child by SIGTERM), pool (a
pool of processes that is ended by SIGTERM), system (what os.system returns), refused
(what forks raise).
"""

import concurrent.futures
import json
import multiprocessing
import os
import pty
import resource
import signal
import subprocess
import tempfile
import time

CAT = ["cat", "/proc/self/status"]


def masks(text):
    lines = (line.split(":") for line in text.splitlines())
    return [int(field[1], 16) for field in lines if field[0] in ("SigBlk", "SigIgn")]


def written(start):
    """What is written by a program that `start(descriptor)` starts."""
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    pid = start(write_end)
    os.close(write_end)
    with open(read_end) as file:
        text = file.read()
    if pid:
        os.waitpid(pid, 0)
    return text


def posix_spawn(descriptor, spawn=os.posix_spawn):
    return spawn("/bin/cat", CAT, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, 1)])


def in_file(start):
    """What a shell's command writes to the file that `start(command)` is to run it for."""
    with tempfile.NamedTemporaryFile("r") as file:
        start(f"exec /usr/bin/python3 -c 'print(open(\"/proc/self/status\").read())' > {file.name}")
        return file.read()


def run(**options):
    return subprocess.run(CAT, capture_output=True, text=True, check=True, **options).stdout


def popen():
    with os.popen("exec python3 -c 'print(open(\"/proc/self/status\").read())'") as pipe:
        return pipe.read()


def programs():
    return {name: masks(start()) for name, start in {
        "run": run,
        "run, session": lambda: run(start_new_session=True, close_fds=False),
        "run, user": lambda: run(user=os.geteuid()),
        "popen": popen,
        "posix_spawn": lambda: written(posix_spawn),
        "posix_spawnp": lambda: written(lambda to: posix_spawn(to, os.posix_spawnp)),
    }.items()}


def threads():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(programs).result()


def status(descriptor):
    with open("/proc/thread-self/status") as file:
        os.write(descriptor, file.read().encode())


def child(body):
    """Forks a process that runs `body()` and nothing else."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def on_a_terminal():
    read_end, write_end = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        status(write_end)
        os._exit(0)
    os.waitpid(pid, 0)
    text = os.read(read_end, 65536).decode()
    for descriptor in (read_end, write_end, terminal):
        os.close(descriptor)
    return text


def children():
    return {name: masks(text) for name, text in {
        "fork": written(lambda to: child(lambda: status(to))),
        "pty.fork": on_a_terminal(),
        "spawn": written(lambda to: child(lambda: (os.dup2(to, 1), os.spawnv(os.P_WAIT, "/bin/cat", CAT)))),
    }.items()}


def handlers():
    text = written(lambda to: child(lambda: status(to)))
    return [int(line.split()[1], 16) for line in text.splitlines() if line.startswith("SigCgt")]


def limit():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryFile() as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, limits[1]))
        try:
            os.pwrite(file.fileno(), b"x" * 10, 1 << 24)
            return "written"
        except OSError as error:
            return os.strerror(error.errno)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def broken_pipe():
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        os.write(write_end, b"x")
        return "written"
    except OSError as error:
        return os.strerror(error.errno)
    finally:
        os.close(write_end)


def terminate():
    program = subprocess.Popen(["sleep", "60"])
    program.terminate()
    pid = child(lambda: time.sleep(60))
    os.kill(pid, signal.SIGTERM)
    return [program.wait(20), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


def pool():
    for _ in range(2):
        with multiprocessing.get_context("fork").Pool(2) as processes:
            processes.map(abs, range(10))
    return "done"


def refused():
    fork = multiprocessing.get_context("fork")

    def submit():
        with concurrent.futures.ProcessPoolExecutor(1, fork) as processes:
            processes.submit(abs, 1).result()

    found = {}
    for name, start in {"fork": os.fork, "forkpty": os.forkpty, "pty": pty.fork, "Pool": lambda: fork.Pool(2),
                        "spawnv": lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
                        "Process": lambda: fork.Process(target=abs, args=(1,)).start(),
                        "ProcessPoolExecutor": submit,
                        "preexec_fn": lambda: run(preexec_fn=os.getpid)}.items():
        try:
            found[name] = repr(start())
        except RuntimeError as error:
            found[name] = str(error)
    return found


def own():
    with open("/proc/self/status") as file:
        return masks(file.read())[1]


def statuses():
    return [os.system(command) for command in ("exit 3", b"kill -TERM $$", "true")]


WAYS = {"/programs": programs, "/threads": threads, "/children": children, "/handlers": handlers,
        "/limit": limit, "/pipe": broken_pipe, "/terminate": terminate, "/pool": pool, "/own": own,
        "/refused": refused, "/system": statuses, "/system-mask": lambda: masks(in_file(os.system))}


def application(environ, start_response):
    body = json.dumps(WAYS[environ["PATH_INFO"]]())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]
