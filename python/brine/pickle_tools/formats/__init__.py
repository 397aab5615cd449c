"""How a command's outcome is written: for a person, for programs, for code hosts. Each form is a module of its own."""

from brine.pickle_tools.formats.documents import document, lines
from brine.pickle_tools.formats.sarif import sarif
from brine.pickle_tools.formats.text import printable, text
from brine.pickle_tools.result import Outcome

_RENDERERS = {"text": text, "json": document, "jsonl": lines, "sarif": sarif}
FORMATS = tuple(_RENDERERS)
__all__ = ["FORMATS", "printable", "render"]


def render(form: str, outcome: Outcome) -> str:
    """The whole report, with a newline at the end of each line."""
    return _RENDERERS[form](outcome)
