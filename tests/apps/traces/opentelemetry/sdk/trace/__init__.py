"""Spans, and the provider that hands them to its processors when they have ended."""

import atexit


class Span:
    def __init__(self, provider, name, trace_id, parent_id):
        self.provider, self.name, self.trace_id, self.parent_id = provider, name, trace_id, parent_id
        self.attributes = {}

    def set_attribute(self, name, value):
        self.attributes[name] = value

    def end(self):
        for processor in self.provider.processors:
            processor.on_end(self)


class TracerProvider:
    def __init__(self):
        self.processors = []
        atexit.register(self.shutdown)

    def add_span_processor(self, processor):
        self.processors.append(processor)

    def shutdown(self):
        for processor in self.processors:
            processor.shutdown()
