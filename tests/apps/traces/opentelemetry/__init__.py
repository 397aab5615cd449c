"""A stand-in for OpenTelemetry, which Debian does not package: as much of its names as docs/logs.md uses, with what is
peculiar to the original: a batch is exported by a daemon thread and by an atexit callback, the middleware is a generator
that wraps start_response by functools.wraps, and the context belongs to the thread."""
