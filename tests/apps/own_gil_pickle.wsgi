"""Holds the GIL of its interpreter until the test lets it go, and tells what runs it.

/hold?NAME   keeps the GIL, in C code, until the first byte of writable/NAME is 1; the second byte says that it has begun;
             returns the name of the interpreter
/which       returns, as JSON, a name of the interpreter and what it is told of its surroundings
/module      imports an extension module that needs a shared GIL
/pickle      pickles, under the guard, as an interpreter of several that do so at once
/fork        returns how a forked process ends, or why there is none; and what a program said that was started
/spin        computes until it is interrupted
/events      returns, as JSON, the name of the interpreter, and the paths of the requests that it was told of
/            answers

It leaves a file when its interpreter is told that the process stops, and another when it ends.
"""
import atexit
import collections
import functools
import json
import mmap
import operator
import os
import pickle
import subprocess
import time

import mod_wsgi

INTERPRETER = os.urandom(8).hex()
WRITABLE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "writable")
BEGUN = []


def leave(what):
    if os.path.isdir(WRITABLE):
        open(os.path.join(WRITABLE, f"{what}-{mod_wsgi.application_group}-{INTERPRETER}"), "w").close()


atexit.register(leave, "exit")
mod_wsgi.subscribe_shutdown(lambda name, **event: leave("stopping"))


def note_request(name, **event):
    if name == "request_started":
        BEGUN.append(event["request_environ"]["PATH_INFO"])


mod_wsgi.subscribe_events(note_request)


def memory(name):
    file = os.open(os.path.join(WRITABLE, name), os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, 2)
    try:
        return mmap.mmap(file, 2)
    finally:
        os.close(file)


def hold(name):
    flag = memory(name)
    flag[1] = 1
    # No step of this runs bytecode, so the GIL is never given up.
    collections.deque(iter(functools.partial(operator.getitem, flag, 0), 1), maxlen=0)
    return INTERPRETER


class Record:
    def __init__(self, number):
        self.number = number


def pickled():
    data = [collections.OrderedDict(number=number, name=str(number)) for number in range(50)]
    for _ in range(20):
        assert pickle.loads(pickle.dumps(data)) == data
        try:
            pickle.dumps(Record(1))  # a hazard: the script's own class
        except pickle.PicklingError:
            pass
    return "pickled"


def forked():
    said = subprocess.run(["echo", "started"], capture_output=True, text=True).stdout.strip()
    try:
        pid = os.fork()
    except RuntimeError as error:
        return f"{said}, {error}"
    if pid == 0:
        os._exit(len(pickle.dumps(collections.OrderedDict(a=1))) and 7)
    return f"{said}, {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"


def spin():
    while True:
        time.sleep(0.001)


def module():
    import readline
    return readline.__name__


ANSWERS = {"/module": module, "/pickle": pickled, "/fork": forked, "/spin": spin,
           "/events": lambda: json.dumps([INTERPRETER, BEGUN])}


def application(environ, start_response):
    path, name = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/which":
        text = json.dumps([INTERPRETER, mod_wsgi.application_group, environ["wsgi.multithread"],
                           environ["wsgi.multiprocess"]])
    elif path == "/hold":
        text = hold(name)
    else:
        text = ANSWERS.get(path, lambda: "here")()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
