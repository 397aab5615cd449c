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
    Rule("naming-unimportable", "warning",
         "What is pickled is in a module that other processes do not find",
         "The class or function belongs to a module that no finder on sys.meta_path finds: another process cannot "
         "load the pickle.",
         "Put it into a module on sys.path."),
    Rule("naming-foreign", "error",
         "What is pickled belongs to another interpreter of the process",
         "A C extension has kept a class of another sub-interpreter; pickle refuses what its name does not lead to.",
         "Run the application in the main interpreter."),
    Rule("reload-stale", "error",
         "The name of what is pickled is bound to another object now",
         "The module was reloaded, or the name was given to something else: pickle refuses it.",
         "Make the object anew after the reload."),
    Rule("reload-missing", "error",
         "The name of what is pickled is not in its module any more",
         "The name was deleted or renamed, or never bound: pickle refuses it.",
         "Keep it under its own name."),
    Rule("refuses-pickle", "error",
         "An object refuses to be pickled",
         "A lock, an open file, a connection, a module or the like is part of the object.",
         "Leave it out by a __getstate__, and make it anew in a __setstate__."),
    Rule("restore-fails", "error",
         "What has been pickled cannot be loaded",
         "In a fresh process the code of a class, or a function that the pickle calls, raises an exception.",
         "Define what the finding says, or discard the pickle."),
    Rule("restore-signature", "error",
         "What is pickled is a call that cannot succeed",
         "The pickle calls a class or function with another number of arguments than it takes.",
         "Pass all arguments of an exception on to super().__init__(); else give the class a __getnewargs__ or a "
         "__reduce__ that returns the arguments which it takes."),
    Rule("restore-differs", "warning",
         "What is loaded is not what was pickled",
         "Loaded in a fresh process and pickled again, the object has another type or state somewhere.",
         "Let __reduce__ or __getstate__ return all that it takes to make the object again."),
]
RULES = {rule.id: rule for rule in _RULES}
LINT_RULES = ("naming-script", "naming-local", "pickle-user")
SCAN_RULES = ("naming-script", "naming-main", "restore-no-module", "restore-no-attribute", "restore-runs-code",
              "restore-computed", "restore-exhausts", "restore-unknown")
CHECK_RULES = ("naming-script", "naming-local", "naming-main", "naming-unimportable", "naming-foreign", "reload-stale",
               "reload-missing", "refuses-pickle", "restore-no-module", "restore-no-attribute", "restore-fails",
               "restore-signature", "restore-differs")
