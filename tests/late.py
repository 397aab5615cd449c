"""What is raised where a test has waited for too long: tests/run repeats the few tests that failed by this alone."""


class DeadlineExceeded(AssertionError):
    """The condition did not come true in time."""
