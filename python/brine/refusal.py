"""How the command says no."""


class Refusal(Exception):
    """What was asked for cannot be done: one sentence for the caller, exit code 2."""
