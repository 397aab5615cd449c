"""Says which process it is; /compute and /wait do so when a file is there, and keep a thread until then.

/compute?FOLDER uses the processor until FOLDER/computed is there, /wait?FOLDER waits for FOLDER/waited. Both leave
a file in FOLDER named after what they do, their process and the number of the request.
"""

import itertools
import os
import time

NUMBERS = itertools.count()


def application(environ, start_response):
    what, folder = environ["PATH_INFO"].strip("/"), environ["QUERY_STRING"]
    if folder:
        end = os.path.join(folder, {"compute": "computed", "wait": "waited"}[what])
        open(os.path.join(folder, f"{what}-{os.getpid()}-{next(NUMBERS)}"), "w").close()
        while not os.path.exists(end):
            if what == "wait":
                time.sleep(0.25)  # so seldom that it computes in no build
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
