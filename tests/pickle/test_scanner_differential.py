"""The scanner against pickle itself: what the unpickler imports, the scanner has listed.

Streams are drawn by a seeded generator, half of them nonsense. Each is read by `_pickle.Unpickler` in all the ways in
which programs read one, with a find_class that hands out something harmless, and by the scanner at once and in
pieces. Whatever find_class was asked for must be in the scanner's list, in this order, up to where it found a fault.
"""

import _pickle
import copyreg
import io
import random
import resource
import struct

import pytest
from brine._guard import StreamScanner

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")

STREAMS = 6000
EXTENSION = 0xF7


class Harmless:
    """Takes anything for its construction and state, and gives itself for whatever is asked of it."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, item):
        pass

    add = extend = append


class Recorder(_pickle.Unpickler):
    """Imports nothing, and takes note of what it was to import."""

    def __init__(self, file, **options):
        super().__init__(file, **options)
        self.asked = []

    def find_class(self, module, name):
        self.asked.append((module, name))
        return Harmless


class PersistentRecorder(Recorder):
    """Gives strings for persistent ids: names that no reader of the stream can know."""

    def persistent_load(self, pid):
        return "persistent"


class Plain:
    """A file whose reads give what is asked for and no more, without peek()."""

    def __init__(self, stream):
        file = io.BytesIO(stream)
        self.read, self.readline = file.read, file.readline


READERS = {
    "BytesIO": io.BytesIO,  # reads frames as wholes
    "plain": Plain,
    "peeking": lambda stream: io.BufferedReader(io.BytesIO(stream), 16),
}


def unpickle(stream, make_file, kind=Recorder, **options):
    """What all the pickles of a stream would import, up to the first that fails."""
    file = make_file(stream)
    asked = []
    for _ in range(10):
        unpickler = kind(file, buffers=["buffer"] * 9, **options)
        try:
            unpickler.load()
        except (Exception, RecursionError):
            return asked + unpickler.asked
        asked += unpickler.asked
    return asked


def scan(stream, piece=None):
    scanner = StreamScanner()
    for at in range(0, len(stream), piece or len(stream) or 1):
        if not scanner.feed(stream[at:at + (piece or len(stream))]):
            break
    return scanner.finish()[:4]


def as_listed(text):
    """A text of the unpickler as the scanner gives it."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "backslashreplace")


def missing(stream, asked, found, fault):
    """What of `asked` the scanner did not list, or None."""
    listed = iter(found)
    for module, name in asked:
        for kind, listed_module, listed_name, _, _ in listed:
            if kind in ("memo", "length"):
                continue  # a warning, and no name
            if kind == "extension" and (module, name) != copyreg._inverted_registry.get(int(listed_name)):
                continue  # the unpickler has it already
            if kind != "named" or (as_listed(module), as_listed(name)) == (listed_module, listed_name):
                break
            return module, name
        else:
            return None if fault else (module, name)
    return None


# --- streams ------------------------------------------------------------------------------------

NAMES = ["os", "system", "m", "a.b", "", "é", "two words", "<lambda>", "Page[int, str]", "n" * 40]
NUMBERS = ["0", "1", "2", "5", "70", "100000", "01", "+1", " 1", "1 ", "1_0", "-1", "1\0junk", "0" * 31 + "1",
           "0" * 40 + "2", "", "9223372036854775807", "99999999999999999999"]


def text(draw):
    name = draw.choice(NAMES)
    raw = name.encode()
    form = draw.randrange(7)
    if form == 0:
        return b"\x8c" + bytes([len(raw)]) + raw
    if form == 1:
        return b"X" + struct.pack("<I", len(raw)) + raw
    if form == 2:
        return b"\x8d" + struct.pack("<Q", len(raw)) + raw
    if form == 3:
        return b"U" + bytes([len(raw)]) + raw
    if form == 4:
        return b"T" + struct.pack("<I", len(raw)) + raw
    if form == 5:
        return b"V" + draw.choice([name.encode("latin-1"), raw, b"\\u006fs", b"o\\u0073"]) + b"\n"
    return b"S'" + draw.choice([name.encode("latin-1"), raw, b"\\x6fs", b"o\\163"]) + b"'\n"


def memo(draw):
    number = draw.choice(NUMBERS).encode() + b"\n"
    index = draw.choice([0, 1, 2, 3, 5, 200])
    return draw.choice([b"p" + number, b"g" + number, b"q" + bytes([index]), b"h" + bytes([index]), b"\x94", b"\x94",
                        b"r" + struct.pack("<I", index), b"j" + struct.pack("<I", index)])


def value(draw):
    return draw.choice([b"N", b"]", b"}", b")", b"\x8f", b"\x88", b"K\x93", b"M\x01\x02", b"J\0\0\0\0", b"I1\n", b"I01\n",
                        b"L5L\n", b"F1.5\n", b"G" + b"\x93" * 8, b"C\x02os", b"B\x02\0\0\0os", b"\x8a\x01\x05",
                        b"\x8b\x01\0\0\0\x05", b"\x96\x01\0\0\0\0\0\0\0a", b"\x8e\x01\0\0\0\0\0\0\0a", b"\x97", b"Pid\n",
                        b"\x8b\xff\xff\xff\xff", b"T\xff\xff\xff\xff"])


def named(draw):
    module, name = (draw.choice(NAMES).encode() for _ in range(2))
    return draw.choice([b"c" + module + b"\n" + name + b"\n", b"(i" + module + b"\n" + name + b"\n",
                        text(draw) + text(draw) + b"\x93", text(draw) + b"\x94" + text(draw) + b"\x94\x93",
                        b"\x93", b"\x93", b"\x82" + bytes([EXTENSION]), b"c\xff\nn\n"])


def other(draw):
    return draw.choice([b"(", b"(", b"0", b"1", b"2", b"2", b"a", b"s", b"b", b"e", b"u", b"\x90", b"t", b"l", b"d", b"o",
                        b"\x91", b"\x85", b"\x86", b"\x87", b"R", b")R", b"\x81", b")\x81", b")}\x92", b"Q", b"\x98",
                        b"\x80\x02", b"\x80\x04", b"."])


def framed(draw, body):
    """The body in frames that tell the truth, or nearly."""
    lie = draw.choice([0, 0, 0, 1, -1, 3, -3])
    cut = draw.randrange(len(body) + 1)
    first, rest = body[:cut], body[cut:]
    return b"\x95" + struct.pack("<Q", max(0, len(first) + lie)) + first + (framed(draw, rest) if cut and rest else rest)


def opcodes(draw):
    """Opcodes at random; most of them push something, so that the rest has something to take."""
    makers = [text, text, memo, value, named, named, other, other]
    body = b"".join(draw.choice(makers)(draw) for _ in range(draw.randrange(1, 14)))
    return body + draw.choice([b".", b"N.", b"0N.", b""])


def mutated(draw, stream):
    stream = bytearray(stream)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(stream) + 1)
        change = draw.randrange(4)
        if change == 0:
            del stream[at:at + draw.randrange(1, 4)]
        elif change == 1:
            stream[at:at] = draw.choice([text, memo, value, named, other])(draw)
        elif change == 2 and at < len(stream):
            stream[at] = draw.randrange(256)
        else:
            stream[at:at] = stream[draw.randrange(len(stream) + 1):][:draw.randrange(1, 20)]
    return bytes(stream)


REAL = [_pickle.dumps([int, {"a": len, "é": (1, 2.5, b"\x93")}, complex, range(3), {1}, "x" * 300], protocol)
        for protocol in range(6)]


def draw_stream(seed):
    draw = random.Random(seed)
    form = draw.randrange(8)
    if form == 0:
        return mutated(draw, draw.choice(REAL))
    stream = opcodes(draw) if form < 5 else opcodes(draw) + opcodes(draw)
    if form in (3, 4, 7):
        stream = draw.choice([b"", b"\x80\x04"]) + framed(draw, stream)
    return mutated(draw, stream) if form in (2, 6) else stream


# --- tests --------------------------------------------------------------------------------------

@pytest.fixture(scope="module", autouse=True)
def extension():
    copyreg.add_extension("extension_module", "extension_name", EXTENSION)
    yield
    copyreg.remove_extension("extension_module", "extension_name", EXTENSION)


@pytest.fixture(scope="module", autouse=True)
def little_memory():
    """To the unpickler one PUT with a large number is worth gigabytes."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (128 << 20), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture(autouse=True)
def fresh_extension_cache():
    """The unpickler imports an extension once, and has it ready from then on."""
    copyreg.clear_extension_cache()


def differences(seeds):
    for seed in seeds:
        stream = draw_stream(seed)
        found, fault, position, _ = scan(stream)
        assert position <= len(stream)
        for kind in (Recorder, PersistentRecorder):
            for name, make_file in READERS.items():
                copyreg.clear_extension_cache()
                asked = unpickle(stream, make_file, kind)
                if (absent := missing(stream, asked, found, fault)) is not None:
                    yield seed, name, stream, absent, found


def test_what_pickle_imports_has_been_listed():
    asked = sum(bool(unpickle(draw_stream(seed), io.BytesIO)) for seed in range(500))
    assert asked > 100, "the streams reach the unpickler's imports"
    assert not list(differences(range(STREAMS)))


@pytest.mark.parametrize("encoding", ["latin-1", "bytes", "utf-16-le"])
def test_python_2_strings_in_any_encoding(encoding):
    for seed in range(STREAMS, STREAMS + 1500):
        stream = draw_stream(seed)
        found, fault, _, _ = scan(stream)
        copyreg.clear_extension_cache()
        asked = unpickle(stream, io.BytesIO, encoding=encoding)
        if encoding != "utf-16-le":  # makes other names of ASCII: who asks for that is on his own
            assert missing(stream, asked, found, fault) is None, (seed, stream, asked, found)


def test_pieces_change_nothing():
    for seed in range(STREAMS // 4):
        stream = draw_stream(seed)
        whole = scan(stream)
        for piece in (1, 2, 3, 7):
            assert scan(stream, piece) == whole, (seed, stream)


def test_sound_streams_are_no_fault():
    for seed in range(STREAMS // 4):
        stream = draw_stream(seed)
        file = io.BytesIO(stream)
        unpickler = Recorder(file)
        try:
            unpickler.load()
        except Exception:
            continue
        fault = scan(stream[:file.tell()])[1]
        allowed = (None, "has a memo entry whose number is none", "has a frame within a frame",
                   "has a frame that ends within an opcode", "ends before its frame does")
        assert fault in allowed, (seed, stream)


@pytest.mark.parametrize("stream", REAL)
def test_streams_of_pickle_s_own(stream):
    found, fault, position, pickles = scan(stream)
    assert (fault, position, pickles) == (None, len(stream), 1)
    assert [(as_listed(module), as_listed(name)) for module, name in unpickle(stream, io.BytesIO)] \
        == [(module, name) for _, module, name, _, _ in found]


@pytest.mark.parametrize("make_file", READERS.values(), ids=READERS)
def test_a_frame_that_ends_within_an_opcode_hides_nothing(make_file):
    """An unpickler that reads a file drops what is left of such a frame, and meets other opcodes than are written."""
    hidden = (b"0cos\nsystem\n." + b" " * 99)[:ord("N")]
    stream = b"\x80\x04\x95" + struct.pack("<Q", 2) + b"M\0" + b"\0" + b"CN" + hidden + b"."
    assert scan(stream) == ([], "has a frame that ends within an opcode", 11, 0)
    if make_file is not READERS["peeking"]:
        assert unpickle(stream, make_file) == [("os", "system")]
