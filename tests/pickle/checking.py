"""How an object is pickled by the guard and by pickle itself; needs no pytest."""

import io

import _pickle
import brine.pickle

PROTOCOLS = range(6)


def outcome(function, *args, **kwargs):
    """(True, result) or (False, type and text of the exception)."""
    try:
        return True, function(*args, **kwargs)
    except Exception as error:
        return False, (type(error), str(error))


class Record:
    """A file that takes note of each piece that is written to it, and of its type."""

    def __init__(self):
        self.chunks = []

    def write(self, chunk):
        self.chunks.append((type(chunk), bytes(chunk)))


def recorded(dump, *args, **kwargs):
    """What `dump` writes to its file, piece by piece."""
    file = Record()
    dump(*args, file, **kwargs)
    return file.chunks


def with_pickler(pickler):
    """pickle.dump's signature for a Pickler class."""
    return lambda obj, file, protocol: pickler(file, protocol).dump(obj)


def differences(obj, protocol):
    """Where the guard differs from pickle about an object without hazards: a list of phrases."""
    wrong = []
    expected = outcome(_pickle.dumps, obj, protocol)
    refused = not expected[0]  # then a hazard is right
    pieces = outcome(recorded, _pickle.dump, obj, protocol=protocol)
    others = outcome(recorded, with_pickler(_pickle.Pickler), obj, protocol=protocol)
    ways = [("dumps", lambda: outcome(brine.pickle.dumps, obj, protocol), expected),
            ("dump", lambda: outcome(recorded, brine.pickle.dump, obj, protocol=protocol), pieces),
            ("Pickler", lambda: outcome(recorded, with_pickler(brine.pickle.Pickler), obj, protocol=protocol), others)]
    for name, run, wanted in ways:
        with brine.pickle.collect() as reports:
            got = run()
        if got != wanted and not (is_recursion(got) and is_recursion(wanted)):
            wrong.append(f"{name}: {got!r:.500} is not {wanted!r:.500}")
        hazards = [hazard for report in reports for hazard in report if not is_true_signature(hazard, expected)]
        if refused:  # then the first has pickle's own words
            hazards = [hazard for hazard in hazards[:1] if str(expected[1][1]) not in str(hazard.pickle_error)]
        wrong += [f"{name}: {hazard}" for hazard in hazards]
    report = brine.pickle.inspect(obj, protocol)
    if expected[0]:  # else the walk may well find what pickle did not come to
        wrong += [f"inspect: {hazard}" for hazard in report if not is_true_signature(hazard, expected)]
    return wrong


def is_true_signature(hazard, pickled):
    """Whether the hazard says of a pickle that it never loads, and pickle itself cannot load it for that reason."""
    if hazard.id != "restore-signature" or not pickled[0]:
        return False
    loaded, error = outcome(_pickle.loads, pickled[1])
    return not loaded and error[0] is TypeError


def is_recursion(result):
    """Its text depends on where the stack ended."""
    return not result[0] and result[1][0] is RecursionError


def loads_differences(data):
    """Likewise for a pickle that is read again. One that pickle itself cannot load is a hazard of that kind alone."""
    wrong = []
    for name, ours, theirs in (("loads", brine.pickle.loads, _pickle.loads),
                               ("load", lambda data: brine.pickle.load(io.BytesIO(data)),
                                lambda data: _pickle.load(io.BytesIO(data)))):
        with brine.pickle.collect() as reports:
            got = without_note(outcome(ours, data))
        wanted = outcome(theirs, data)
        if got[0] != wanted[0] or not got[0] and got != wanted or repr(type(got[1])) != repr(type(wanted[1])):
            wrong.append(f"{name}: {got!r:.500} is not {wanted!r:.500}")
        wrong += [f"{name}: {hazard}" for report in reports for hazard in report
                  if wanted[0] or hazard.id != "restore-fails" or not is_right_about(hazard, wanted[1])]
    return wrong


def without_note(result):
    """Before Python 3.11 the guard's note is the end of the message."""
    made, error = result
    return result if made else (made, (error[0], error[1].partition("\nBrine: ")[0]))


def is_right_about(hazard, error):
    """Whether it has the exception's type, and words for what the reader cannot change."""
    own = hazard.module.partition(".")[0] in ("corpus", "test_restore_fails")
    return hazard.pickle_error.startswith(f"{error[0].__name__}: ") and own != ("is one of" in hazard.remedy)
