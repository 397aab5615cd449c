"""The processor that exports spans in batches, by a thread, and an exporter that prints them."""

import collections
import json
import sys
import threading


class ConsoleSpanExporter:
    def __init__(self, out=sys.stdout):
        self.out = out

    def export(self, spans):
        for span in spans:
            shown = {"name": span.name, "trace_id": f"0x{span.trace_id}", "parent_id": f"0x{span.parent_id}"}
            self.out.write(json.dumps({**shown, "attributes": span.attributes}) + "\n")
        self.out.flush()


class BatchSpanProcessor:
    def __init__(self, exporter):
        self.exporter, self.queue = exporter, collections.deque()
        self.awaken, self.is_over = threading.Event(), False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.is_over:
            self.awaken.wait(5)
            self.exporter.export([self.queue.pop() for _ in range(len(self.queue))])

    def on_end(self, span):
        self.queue.appendleft(span)

    def shutdown(self):
        self.is_over = True
        self.awaken.set()
        self.thread.join()
