"""The rules that findings are named by: what each says, in full, for reports that carry their own explanation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a finding's id means."""

    id: str
    severity: str
    """That of most findings of the rule."""
    short: str
    full: str
    help: str


_RULES = [
    Rule("naming-script", "error",
         "What is defined in a WSGI script is pickled by a name that nobody can import",
         "A class or function that a WSGI script defines gets into a pickle. A pickle holds no code: it names the "
         "class or function by its module, and the module of a WSGI script is named by a hash of its path. No other "
         "process, host or interpreter can import that name, nor this one after the script has moved; and after a "
         "reload the name belongs to another object.",
         "Move the definition into a module on sys.path and import it from the script; or pickle only what is built "
         "in: numbers, strings, bytes, tuples, lists, dicts, sets."),
    Rule("naming-local", "error",
         "A lambda, or what is defined inside a function, cannot be pickled",
         "A lambda, or a class or function that is defined inside a function, gets into a pickle. Pickle finds what it "
         "names by looking it up in a module, and such a definition is not in one: to pickle it is an error.",
         "Define it at the top level of a module on sys.path, by `class` or `def`, and import it from the script."),
    Rule("pickle-user", "note",
         "The script uses a module that pickles",
         "The script imports a module that pickles what it is given, or names one in a setting. This alone is no "
         "hazard: it says where one could arise.",
         "Keep to built-in types and to classes of imported modules in what goes there."),
    Rule("naming-main", "warning",
         "A pickle names something in `__main__`",
         "The pickle names a class or function of __main__, which is another module in each program: only the "
         "program that wrote it, or one that defines the same, can load it.",
         "Define it in a module on sys.path."),
    Rule("restore-no-module", "error",
         "A pickle names a module that is not there",
         "To load the pickle imports a module that cannot be found from here: loading it raises ModuleNotFoundError.",
         "Load it where the module can be imported, restore the module (also under its old name, as one that imports "
         "the new one), or discard the pickle."),
    Rule("restore-no-attribute", "error",
         "A pickle names something that its module does not have",
         "The pickle names a class or function that its module does not have any more, or not yet: loading it raises "
         "AttributeError.",
         "Give the module that name again, as an alias of the new one if it was renamed, or discard the pickle."),
    Rule("restore-runs-code", "error",
         "To load a pickle runs whatever it says",
         "The pickle names something that runs commands or code, opens files or connections, imports, or reaches "
         "everything else: a pickle that does so was written to do harm, or to be loaded by its writer alone.",
         "Do not load it, and find out who wrote it. Such a name cannot be allowed."),
    Rule("restore-computed", "error",
         "What a pickle imports cannot be known without loading it",
         "The pickle makes the name of what it imports while it is being loaded, or changes a class itself, which no "
         "pickler does: it was written by hand, or damaged.",
         "Do not load it."),
    Rule("restore-exhausts", "error",
         "To load a pickle takes all memory, or time without end",
         "The pickle has little bytes and asks for much memory or time: an enormous length or number of its own "
         "format, or a call such as bytes(2**40) or list(range(2**40)), which no pickler writes.",
         "Do not load it. Such a call cannot be allowed."),
    Rule("restore-unknown", "warning",
         "To load a pickle runs code that is not known to be harmless",
         "The pickle names a class or function that is there, and which is not known to be harmless when a pickle "
         "calls it.",
         "If you know what it is and trust who wrote the pickle, allow it: --allow MODULE.NAME."),
]
RULES = {rule.id: rule for rule in _RULES}
LINT_RULES = ("naming-script", "naming-local", "pickle-user")
SCAN_RULES = ("naming-script", "naming-main", "restore-no-module", "restore-no-attribute", "restore-runs-code",
              "restore-computed", "restore-exhausts", "restore-unknown")
