"""`brine pickle scan` on containers: each kind is opened, within bounds, and what cannot be opened is told."""

import base64
import bz2
import collections
import dbm.dumb
import gzip
import http.server
import io
import json
import lzma
import os
import pickle
import pty
import random
import shelve
import socket
import sqlite3
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib

import pytest
from brine import cli
from brine.pickle_tools import command, files, scanning
from brine.pickle_tools.containers import KINDS, archives, arrays, part
from brine.pickle_tools.containers import unlisted as zip_unlisted

ATTACK = b"cos\nsystem\n(S'true'\ntR."
GOOD = pickle.dumps({"a": [1, 2.5, "x"]}, 4)
TORCH = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
DOCUMENTED = {0, 1, 2, 3, 4, 5}


def scan(capsys, *paths, **options):
    """(exit code, the JSON document)."""
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    code = cli.main(["pickle", "scan", "--format", "json", *arguments, *map(str, paths)])
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code
    return code, document


def zipped(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def npy(data, descr="'|O'", version=b"\x01\x00"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}".encode().ljust(100) + b"\n"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + data


def sqlite(folder, data, table="Cache"):
    path = folder / "made.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute(f'CREATE TABLE "{table}" (key TEXT, raw INTEGER, mode INTEGER, value BLOB)')
        database.execute(f'INSERT INTO "{table}" VALUES (?, 1, 4, ?)', ("k", data))
    database.close()
    return path.read_bytes()


def gdbm(data):
    return b"\xcf\x9a\x57\x13" + b"\x00" * 200 + b"key" + data + b"\x00" * 64


CONTAINERS = {
    "zip": lambda data, folder: zipped({"a.pkl": data}),
    "stored zip": lambda data, folder: zipped({"a": data}, zipfile.ZIP_STORED),
    "PyTorch": lambda data, folder: zipped({"archive/data.pkl": data, "archive/version": b"3\n",
                                            "archive/data/0": os.urandom(64)}, zipfile.ZIP_STORED),
    "npz": lambda data, folder: zipped({"arr_0.npy": npy(data)}),
    "npy": lambda data, folder: npy(data),
    "npy 2.0": lambda data, folder: npy(data, version=b"\x02\x00"),
    "npy with fields": lambda data, folder: npy(data, "[('a', '<i4'), ('b', '|O')]"),
    "npy by another name": lambda data, folder: npy(data, "'object'"),
    "gzip": lambda data, folder: gzip.compress(data),
    "gzip of two streams": lambda data, folder: gzip.compress(data[:5]) + gzip.compress(data[5:]),
    "bz2": lambda data, folder: bz2.compress(data),
    "xz": lambda data, folder: lzma.compress(data),
    "lzma": lambda data, folder: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": lambda data, folder: zlib.compress(data),
    "zlib, fast": lambda data, folder: zlib.compress(data, 1),
    "tar": lambda data, folder: tarred({"x": b"text", "a": data}),
    "tar.gz": lambda data, folder: tarred({"a": data}, "w:gz"),
    "tar of zip of gzip": lambda data, folder: tarred({"a.zip": zipped({"a.gz": gzip.compress(data)})}),
    "SQLite (diskcache)": lambda data, folder: sqlite(folder, data),
    "SQLite with a strange table": lambda data, folder: sqlite(folder, data, "a b'c"),
    "Django's file cache": lambda data, folder: pickle.dumps(1e9) + zlib.compress(data),
    "cachelib": lambda data, folder: struct.pack("I", 1_700_000_000) + data,
    "cachelib, kept forever": lambda data, folder: struct.pack("I", 0x5D5D5D5D) + data,
    "old cachelib": lambda data, folder: pickle.dumps(1_700_000_000) + data,
    "old PyTorch": lambda data, folder: (TORCH + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) + data
                                         + pickle.dumps(["1"], 2) + b"\x08\0\0\0\0\0\0\0" + os.urandom(64)),
    "gdbm": lambda data, folder: gdbm(data),
    "Berkeley's hash": lambda data, folder: b"\0" * 12 + b"\x61\x15\x06\0" + b"\0" * 99 + data,
}


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("name", ["file", "folder"])
def test_each_kind_of_container(kind, name, tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "file"
    for data, wanted in ((GOOD, 0), (ATTACK, 1), (pickle.dumps(sys.exit), 1)):
        path.write_bytes(CONTAINERS[kind](data, tmp_path))
        code, document = scan(capsys, path if name == "file" else folder)
        assert code == wanted, document
        file, = document["files"]
        assert file["pickles"] >= 1 and not file["errors"]
        if wanted:
            assert {found["id"] for found in file["findings"]} == {"restore-runs-code"}


def test_every_kind_is_tested(tmp_path):
    made = [make(GOOD, tmp_path) for make in CONTAINERS.values()]
    for kind in KINDS[:-1]:  # dbm.dumb is two files
        assert any(kind.fits(part.Part("", lambda data=data: io.BytesIO(data), part.Budget(1, 1 << 20)))
                   for data in made), kind.name


@pytest.mark.parametrize("numbers", [b"\x80\x04\x95" + bytes(range(200)), b"\x80\x02" + b"\xff" * 64, b"\x80\x04r\xff\xff\xff\xff"])
def test_numbers_of_a_tensor_that_begin_as_a_pickle_does(numbers, tmp_path, capsys):
    members = {"archive/data.pkl": GOOD, "archive/version": b"3\n", "archive/data/0": numbers}
    (tmp_path / "model.pt").write_bytes(zipped(members, zipfile.ZIP_STORED))
    assert cli.main(["pickle", "scan", str(tmp_path / "model.pt")]) == 0, capsys.readouterr()


UNKNOWN = pickle.dumps(http.server.HTTPServer, 2)
BESIDE = {
    "whole": UNKNOWN, "broken": UNKNOWN[:-1], "broken behind a call": UNKNOWN[:-1] + b")R\xff", "old": pickle.dumps(http.server.HTTPServer, 0)[:-1],
    "of a module that is not there": b"\x80\x02cno_such_module\nf\n)R", "attack": ATTACK, "old, broken attack": b"N0" + ATTACK[:-1],
    "computed": b"\x80\x04\x8c\x02os}\x8c\x01as\x8c\x06system\x93", "a safe name, broken": pickle.dumps(complex, 2)[:-1]}
PLACES = {
    "numbers": ("archive/data.pkl", "archive/data/0"), "numbers at the top": ("data.pkl", "data/12"),
    "another's folder": ("my_data.pkl", "my_data/part.pkl"), "a pickle by its name": ("archive/data.pkl", "archive/data/part.pkl"),
    "deeper": ("archive/data.pkl", "archive/data/0/1.pkl")}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("data", BESIDE)
def test_what_is_no_numbers_beside_a_tensor(data, place, tmp_path, capsys):
    """Whoever writes an archive chooses its names; PyTorch's say nothing of what else may load a member."""
    described, beside = PLACES[place]
    (tmp_path / "model.pt").write_bytes(zipped({described: GOOD, beside: BESIDE[data]}, zipfile.ZIP_STORED))
    code, document = scan(capsys, tmp_path / "model.pt")
    file, = document["files"]
    assert code != 0, document
    assert [found["member"] for found in file["findings"]][:1] == ([beside] if data != "a safe name, broken" else [])


def test_the_member_is_told(tmp_path, capsys):
    path = tmp_path / "a.tar"
    path.write_bytes(tarred({"in.zip": zipped({"b/x.pkl": ATTACK})}))
    assert cli.main(["pickle", "scan", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{path}!in.zip!b/x.pkl:0: error restore-runs-code: os.system" in out
    assert cli.main(["pickle", "scan", "--format", "sarif", str(path)]) == 1
    result = json.loads(capsys.readouterr().out)["runs"][0]["results"][-1]  # it is a zip archive too, by its end
    assert result["properties"]["member"] == "in.zip!b/x.pkl" and "In in.zip!b/x.pkl: " in result["message"]["text"]
    assert "region" not in result["locations"][0]["physicalLocation"]  # the offset is none of the file's


@pytest.mark.parametrize("kind", [dbm.dumb.open, shelve.open], ids=["dbm.dumb", "shelve"])
def test_dbm(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dbm, "_defaultmod", dbm.dumb)
    path = str(tmp_path / "store")
    with kind(path, "n") as store:
        store["good"] = {"x": 1} if kind is shelve.open else GOOD
        store["bad"] = sys.exit if kind is shelve.open else ATTACK
    code, document = scan(capsys, tmp_path)
    file, = document["files"]
    assert code == 1 and file["file"].endswith(".dat") and file["pickles"] == 2
    assert file["findings"][0]["member"] == "bad"


@pytest.mark.parametrize("attack", [ATTACK, pickle.dumps(sys.exit, 4)])
def test_a_file_that_is_two_things(attack, tmp_path, capsys):
    """It depends on who reads it whether the pickle or the archive is what counts."""
    for data in (attack + zipped({"a.pkl": GOOD}), GOOD + zipped({"a.pkl": attack}), zipped({"a": GOOD}) + attack):
        path = tmp_path / "both"
        path.write_bytes(data)
        if data.endswith(attack):
            continue
        assert scan(capsys, path)[0] == 1
    header = bytearray(tarred({"x": b"y"}))
    header[:len(ATTACK)] = ATTACK  # a name that is a pickle; and the checksum is right
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path.write_bytes(header)
    assert scan(capsys, path)[0] == 1


@pytest.mark.parametrize("descr, size", [("'<i4'", 8), ("'<U3'", 24), ("'|b1'", 2), ("'<M8[ns]'", 16), ("'|S0'", 0), ("'?'", 2),
                                         ("[('a', '<i4', (2, 2)), ('b', [('c', '<f8')])]", 48), ("[('a', '<i4', 3)]", 24)])
def test_arrays_that_follow_each_other_in_one_file(descr, size, tmp_path, capsys):
    path = tmp_path / "x.npy"
    first = npy(bytes(range(65, 65 + size)), descr)
    for data, wanted in ((GOOD, 0), (ATTACK, 1)):
        for follows in (npy(data), first * 3 + npy(data), data, b"\0\0" + data):
            path.write_bytes(first + follows)
            code, document = scan(capsys, path)
            assert code == wanted and document["files"][0]["pickles"] == 1, document
    path.write_bytes(first)
    assert scan(capsys, path)[0] == 0


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("count", [9, 12, 500])
def test_many_arrays_in_one_file(count, inside, tmp_path, capsys):
    """`numpy.save` may be called many times with one file: what follows the last one is found all the same."""
    arrays_ = npy(bytes(8), "'<i4'") * count
    for end, wanted in ((b"", 0), (npy(GOOD), 0), (npy(ATTACK), 1), (b"xx" + ATTACK, 1)):
        (tmp_path / "a.npy").write_bytes(gzip.compress(arrays_ + end) if inside else arrays_ + end)
        code, document = scan(capsys, tmp_path / "a.npy")
        assert code == wanted and document["files"][0]["errors"] == [], document


def tar_with(data, **changes):
    """An archive of one file, with other bytes in its header."""
    header = bytearray(tarred({"a.pkl": data}))
    for at, value in changes.values():
        header[at:at + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


TARS = {"behind the end": lambda data: tarred({"a": GOOD}) + data, "another archive": lambda data: tarred({"a": GOOD}) + tarred({"b": data}),
        "many": lambda data: tarred({"a": GOOD}) * 20 + tarred({"b": data}), "far behind": lambda data: tarred({"a": GOOD}) + bytes(3 << 20) + data,
        "the oldest format": lambda data: tar_with(data, magic=(257, bytes(8))), "no known type": lambda data: tar_with(data, type=(156, b"Z")),
        "a broken header behind it": lambda data: tarred({"a": GOOD}) + tar_with(data)[:140] + b"7" * 8 + tar_with(data)[148:]}


@pytest.mark.parametrize("kind", TARS)
def test_what_stands_in_a_tar_archive_and_behind_it(kind, tmp_path, capsys):
    for data, wanted in ((GOOD, 0), (ATTACK, 1)):
        for made in (TARS[kind](data), zipped({"x": TARS[kind](data)})):
            (tmp_path / "x").write_bytes(made)
            code, document = scan(capsys, tmp_path / "x")
            assert code == wanted and not document["files"][0]["errors"] and document["files"][0]["pickles"], document


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "UTF-16be"])
def test_texts_of_a_database(encoding, tmp_path, capsys):
    """Protocol 0 is text; Django's cache in a database writes pickles in base64."""
    path = tmp_path / "x.db"
    for data, wanted in ((GOOD, 0), (pickle.dumps(sys.exit, 4), 1), (ATTACK, 1)):
        for text in ([ATTACK.decode()] if data is ATTACK else [base64.b64encode(data).decode(), base64.encodebytes(data).decode()]):
            path.unlink(missing_ok=True)
            with sqlite3.connect(path) as database:
                database.execute(f"PRAGMA encoding = '{encoding}'")
                database.execute("CREATE TABLE cache_table (cache_key TEXT, value TEXT, expires TEXT)")
                database.execute("INSERT INTO cache_table VALUES ('k', ?, 'gAS not that.')", (text,))
            database.close()
            code, document = scan(capsys, path)
            assert code == wanted and document["files"][0]["pickles"] == 1, document


def test_a_table_of_which_a_number_is_stored_as_its_name(tmp_path, capsys):
    """As many bytes as the number says were made of it, before."""
    number, path = 999_999_999_999, tmp_path / "a.db"
    with sqlite3.connect(path) as database:
        database.execute(f'CREATE TABLE "{number}"(a)')
        database.execute(f'INSERT INTO "{number}" VALUES (?)', (ATTACK,))
    database.close()
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[108:110], "big")
    size, row, of_header, of_type, of_name = data[at:at + 5]
    body = data[at + 2 + of_header:at + 2 + size]
    start, end = (of_type - 13) // 2, (of_type - 13) // 2 + (of_name - 13) // 2
    assert size < 128 and body[start:end] == str(number).encode()
    changed = data[at + 2:at + 2 + of_header] + body[:start] + number.to_bytes(8, "big") + body[end:]
    changed[2] = 6  # a number of eight bytes
    data[at:at + 2 + len(changed)] = bytes([len(changed), row]) + changed
    path.write_bytes(data)
    code, document = scan(capsys, path)
    assert code == 1 and document["files"][0]["errors"] == [], document


@pytest.mark.parametrize("size, behind", [(4_500_000_000, 5 << 30), (100, 200), (4_500_000_000, 0)])
def test_a_member_whose_size_is_in_its_extra_field(size, behind, tmp_path):
    """Of more than 4 GiB, or of less by a writer that does not know it yet."""
    extra = struct.pack("<HH", 7, 2) + b"ab" + struct.pack("<HHQQ", 1, 16, size, size)
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 45, 0, 0, 0, 0, 0x1234, 0xFFFFFFFF, 0xFFFFFFFF, 5, len(extra))
    listed = zipfile.ZipInfo("a.npy")
    with open(tmp_path / "made", "w+b") as file:
        file.write(header + b"a.npy" + extra)
        file.truncate(file.tell() + size + behind)  # a hole, which takes no room
        _, own = zip_unlisted._own(file, 0, file.seek(0, 2))
    for wanted, agrees in ((size, True), (size - 1, False)):
        listed.compress_size = wanted
        assert own.compress_size == size and zip_unlisted._agrees(own, listed) is agrees


def test_many_small_tar_archives_behind_each_other():
    """What follows the end of each is not read a mebibyte at a time."""
    one, asked = tarred({"a": b""})[:512] + bytes(512), []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    data = one * 50 + bytes(3 << 20) + b"x"
    file, at = Watched(data), 512
    for number in range(1, 50):
        at = archives._behind_zeros(file, at, len(data))
        assert at == number * len(one)
        at += 512
    assert max(asked) <= 10 << 10
    assert archives._behind_zeros(file, at, len(data)) == len(data) - 1


def unlisted(data, method=zipfile.ZIP_DEFLATED, name="hidden.pkl"):
    """A member with no place in a directory."""
    whole = zipped({name: data}, method)
    return whole[:whole.index(b"PK\x01\x02")]


def streamed(data, name="hidden.pkl"):
    """Likewise, as it is written to what cannot be moved about in: the sizes are behind it."""
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(name, "w") as member:
            member.write(data)
    whole = pipe.getvalue()
    return whole[:whole.index(b"PK\x01\x02")]


def amid(archive, data):
    """An archive with something between its last member and the directory."""
    at = archive.index(b"PK\x01\x02")
    moved = bytearray(archive[:at] + data + archive[at:])
    end = moved.rindex(b"PK\x05\x06")
    moved[end + 16:end + 20] = struct.pack("<I", at + len(data))
    return bytes(moved)


def otherwise(data):
    """A member of which its own header says that it is packed, and the directory that it is not."""
    whole = bytearray(zipped({"a": data}))
    at = whole.index(b"PK\x01\x02")
    size = struct.unpack_from("<I", whole, at + 20)[0]
    start = whole.index(b"a") + 1
    struct.pack_into("<H", whole, at + 10, zipfile.ZIP_STORED)
    struct.pack_into("<2I", whole, at + 16, zlib.crc32(whole[start:start + size]), size)
    struct.pack_into("<I", whole, at + 24, size)
    return bytes(whole)


MEMBERS = zipped({"a.pkl": GOOD, "b.txt": b"text"})
AROUND = {
    "before, packed": lambda data: unlisted(data) + MEMBERS, "before, as it is": lambda data: b"#!\n" + data + MEMBERS,
    "another archive before": lambda data: zipped({"x": data}) + MEMBERS,
    "between, packed": lambda data: amid(MEMBERS, unlisted(data)), "between, as it is": lambda data: amid(MEMBERS, b"\0\0" + data),
    "between, by bzip2": lambda data: amid(MEMBERS, unlisted(data, zipfile.ZIP_BZIP2)),
    "between, streamed": lambda data: amid(MEMBERS, streamed(data)),
    "behind": lambda data: MEMBERS + b"\0" + data, "behind, packed": lambda data: MEMBERS + unlisted(data),
    "in the comment": lambda data: MEMBERS[:-2] + struct.pack("<H", len(data)) + data,
    "by its own header": otherwise,
}


@pytest.mark.parametrize("is_ascii", [False, True])
@pytest.mark.parametrize("attack", [False, True])
def test_a_zip_archive_that_reads_as_a_pickle_too(is_ascii, attack, tmp_path, capsys):
    """PK begins a persistent id, which the header of an .npy file ends: of an array of objects, by np.savez."""
    for number in range(10_000):
        data = pickle.dumps((collections.Counter(a=number), "x" * (number % 200)), 4)
        data = ATTACK + data if attack else data
        members = {"a": b"text\n" + data if is_ascii else npy(data), "b": b""}
        file = zipped({zipfile.ZipInfo(name): each for name, each in members.items()}, zipfile.ZIP_STORED)
        first, _, rest = file.partition(b"\n")
        if first.isascii() is is_ascii and rest.startswith(data):
            break
    else:
        raise AssertionError("no such header was found")
    path = tmp_path / "arrays.npz"
    path.write_bytes(file)
    code, document = scan(capsys, path)
    assert (code, document["files"][0]["errors"] if not attack else []) == (int(attack), [])


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("place", AROUND)
def test_what_a_zip_archive_does_not_list(place, nested, tmp_path, capsys):
    path = tmp_path / "x.zip"
    for data, wanted in ((GOOD, 0), (ATTACK, 1), (pickle.dumps(sys.exit, 4), 1)):
        made = AROUND[place](data)
        path.write_bytes(tarred({"x.zip": made}) if nested else made)
        code, document = scan(capsys, path)
        file, = document["files"]
        if not (nested and made[:2] != b"PK"):  # what is in another archive is one by its start alone
            assert code == wanted and not file["errors"] and file["pickles"] >= 2 - (place == "by its own header"), document


def test_a_zip_archive_that_lists_all_is_no_other(tmp_path, capsys):
    """Also where it was written to a pipe, which has the sizes of a member behind it."""
    for number, made in enumerate((MEMBERS, zipped({f"{at}.pkl": GOOD for at in range(30)}))):
        (tmp_path / "x.zip").write_bytes(made)
        assert scan(capsys, tmp_path / "x.zip")[1]["files"][0]["pickles"] == (1, 30)[number]


def test_bounds_of_what_a_zip_archive_does_not_list(small, tmp_path, capsys, monkeypatch):
    path = tmp_path / "x.zip"
    header = streamed(b"x")[:40]
    for made in (unlisted(b"N0" * (32 << 20)) + MEMBERS, amid(MEMBERS, header * 20_000), header * 20_000 + MEMBERS):
        path.write_bytes(made)
        start = time.process_time()
        assert scan(capsys, path)[0] == 2
        assert time.process_time() - start < 30
    gaps = io.BytesIO()
    with zipfile.ZipFile(gaps, "w") as archive:
        for number in range(9):
            archive.writestr(str(number), b"")
            archive.fp.write(b"x")
            archive.start_dir += 1
    path.write_bytes(gaps.getvalue())
    unpatched = scan(capsys, tmp_path)[0]
    monkeypatch.setattr(zip_unlisted, "_MOST_GAPS", 5)
    assert (unpatched, scan(capsys, tmp_path)[0]) == (0, 2)


@pytest.mark.parametrize("data", [
    b"\xff\xff" + ATTACK, GOOD + b"\xff" + ATTACK, GOOD[:-3] + b"\xff\xff" + pickle.dumps(sys.exit, 4),
    GOOD + b"\0" * 999 + pickle.dumps(sys.exit, 2), b"\x80\x04\xff\x8c\x05posix\x8c\x06system\x93",
    b"N.\xff" + b"(ios\nsystem\n.", GOOD + ATTACK, GOOD * 3 + ATTACK])
def test_what_follows_a_broken_opcode_or_the_first_pickle(data, tmp_path, capsys):
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    assert scan(capsys, path)[0] == 1


@pytest.mark.parametrize("start, words", [
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a\x07\x01\0", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"), (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"ZF0x", "joblib"), (b"\x1f\x9d\x90", "compress")])
@pytest.mark.parametrize("inside", [False, True])
def test_what_cannot_be_opened(start, words, inside, tmp_path, capsys):
    data = start + bytes(100)
    (tmp_path / "x").write_bytes(zipped({"m": data}) if inside else data)
    for path in (tmp_path, tmp_path / "x"):
        assert cli.main(["pickle", "scan", str(path)]) == 2
        error = capsys.readouterr().err
        assert words in error and "cannot be opened" in error and str(tmp_path / "x") + ("!m" if inside else "") in error


def test_the_grade_of_what_was_not_read_is_not_known(tmp_path, capsys):
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(50))
    (tmp_path / "cut.pkl").write_bytes(GOOD[:-1])
    (tmp_path / "both.pkl").write_bytes(ATTACK + b"\xff")
    for name, grade in {"a.7z": None, "cut.pkl": None, "both.pkl": "runs-code"}.items():
        assert scan(capsys, tmp_path / name)[1]["files"][0]["grade"] == grade


def test_an_encrypted_archive(tmp_path, capsys):
    data = bytearray(zipped({"m": GOOD}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp_path / "x").write_bytes(data)
    code, document = scan(capsys, tmp_path / "x")
    assert code == 2 and "encrypted" in document["files"][0]["errors"][0]["reason"]


@pytest.mark.parametrize("make", [
    lambda data: data[:len(data) // 2], lambda data: data[:-30], lambda data: data[:12] + b"\xff" * 40 + data[52:]])
@pytest.mark.parametrize("kind", ["zip", "gzip", "bz2", "xz", "SQLite (diskcache)", "npz", "tar.gz"])
def test_containers_that_are_broken(kind, make, tmp_path, capsys):
    path = tmp_path / "x"
    path.write_bytes(make(CONTAINERS[kind](pickle.dumps(os.urandom(3000)), tmp_path)))
    code, document = scan(capsys, path)
    assert code == 2 and document["files"][0]["errors"]


def test_a_database_that_ends_within_a_page_of_rows(tmp_path, capsys):
    """SQLite finds rows of nothing there, and no error."""
    (tmp_path / "x").write_bytes(sqlite(tmp_path, ATTACK)[:4096 + 900])
    code, document = scan(capsys, tmp_path / "x")
    assert code == 2 and "ends too early" in document["files"][0]["errors"][0]["reason"], document


def test_a_database_without_its_last_pages(tmp_path, capsys):
    """Also where its header does not say how many there are."""
    whole = sqlite(tmp_path, ATTACK)
    for header in (whole[:4096], whole[:28] + bytes(4) + whole[32:4096], whole[:92] + bytes(4) + whole[96:4096]):
        (tmp_path / "x").write_bytes(header)
        code, document = scan(capsys, tmp_path / "x")
        assert code == 2 and document["files"][0]["errors"], document


# --- bounds ---------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(part, "_FREE", 1 << 20)
    monkeypatch.setattr(part, "_RATIO", 20)
    monkeypatch.setattr(part, "_MOST_MEMBERS", 50)


@pytest.mark.parametrize("make, words", [
    (lambda: gzip.compress(bytes(64 << 20)), "unpacks to more than"),
    (lambda: bz2.compress(bytes(64 << 20)), "unpacks to more than"),
    (lambda: lzma.compress(bytes(64 << 20)), "unpacks to more than"),
    (lambda: zlib.compress(b"]" * (64 << 20)), "unpacks to more than"),
    (lambda: zipped({"x.pkl": b"N0" * (32 << 20)}), "unpacks to more than"),
    (lambda: zipped({f"{number}.pkl": GOOD for number in range(99)}), "members"),
    (lambda: tarred({f"{number}.pkl": GOOD for number in range(99)}), "members"),
], ids=range(7))
def test_bombs(make, words, small, tmp_path, capsys):
    path = tmp_path / "bomb"
    path.write_bytes(make())
    code, document = scan(capsys, path)
    assert code == 2 and any(words in error["reason"] for error in document["files"][0]["errors"])


def test_how_often_a_file_may_be_packed(tmp_path, capsys):
    data = ATTACK
    for _ in range(30):
        data = gzip.compress(data)
    (tmp_path / "x.gz").write_bytes(data)
    code, document = scan(capsys, tmp_path / "x.gz")
    assert code == 2 and "times over" in document["files"][0]["errors"][0]["reason"]


def test_the_limit_of_what_is_read(tmp_path, capsys):
    (tmp_path / "x.gz").write_bytes(gzip.compress(pickle.dumps(bytes(5 << 20))))
    assert scan(capsys, tmp_path / "x.gz", limit="1M")[0] == 2
    assert scan(capsys, tmp_path / "x.gz", limit="8M")[0] == 0


def test_a_pickle_behind_others_is_found_in_bounded_time(tmp_path, capsys):
    path = tmp_path / "x.pkl"
    for data in (b"\xff" + b"\x8c\x01a" * 400_000, b"\xff" + b"\x80\x04\xff" * 400_000,
                 b"\xff" + b"\x8c\x02aa\x94" * 300_000, b"\xff" + b"\x80\x04" + b"]" * 1_000_000):
        path.write_bytes(data)
        start = time.process_time()
        assert scan(capsys, path)[0] == 2
        assert time.process_time() - start < 30


# --- folders --------------------------------------------------------------------------------------------


def test_folders(tmp_path, capsys):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "model.pkl").write_bytes(ATTACK)
    (inner / "good.bin").write_bytes(GOOD)
    (tmp_path / "notes.txt").write_text("comment\nhello\nworld\n")
    (tmp_path / "code.py").write_text("import os\nprint('.')\n")
    (tmp_path / "zeros").write_bytes(bytes(1000))
    (inner / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.pkl").symlink_to(inner / "model.pkl")
    code, document = scan(capsys, tmp_path)
    assert code == 1
    assert [os.path.relpath(file["file"], tmp_path) for file in document["files"]] == [
        "linked.pkl", "a/b/good.bin", "a/b/model.pkl"]
    assert document["totals"] == {"files": 6, "pickles": 3, "others": 3, "hazards": 2, "errors": 0}
    assert cli.main(["pickle", "scan", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "in all: 6 files, 3 without a pickle, 3 pickles, 2 hazards, 0 errors")
    (tmp_path / "broken.pkl").write_bytes(GOOD[:-5])
    assert scan(capsys, tmp_path / "code.py")[0] == 2  # somebody has named it
    (inner / "model.pkl").unlink()
    code, document = scan(capsys, tmp_path)
    assert code == 2 and document["totals"]["errors"] == 2  # one that ends too early, and a link to nothing


@pytest.fixture
def strangers(tmp_path):
    """{name: what is said of it}, of what is in a folder and is no file, beside a pickle that is one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.pkl").write_bytes(GOOD)
    os.mkfifo(folder / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    (folder / "nothing").symlink_to("no such file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        yield {"pipe": "is a pipe", "device": "is a device", "socket": "is a socket", "loop": "symbolic links",
               "nothing": "No such file"}


def test_what_is_no_file_in_a_folder(strangers, tmp_path, capsys):
    """Nothing waits for it, and each is named."""
    code, document = scan(capsys, tmp_path / "folder")
    told = {os.path.basename(file["file"]): file["errors"][0]["reason"] for file in document["files"] if file["errors"]}
    assert code == 2 and told.keys() == strangers.keys() and document["totals"]["pickles"] == 1, document
    for name, words in strangers.items():
        assert words in told[name], told


def test_what_is_no_file_and_was_named(strangers, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "_PATIENCE", 0.1)
    for name in strangers:
        assert cli.main(["pickle", "scan", "--limit", "1M", str(tmp_path / "folder" / name)]) == 2
        assert str(tmp_path / "folder" / name) in capsys.readouterr().err


def test_a_pipe_that_was_named_and_whose_writer_is_slow(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "_PATIENCE", 0.1)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)  # a writer is there before it writes

    def write_late(pipe):
        answer = waits(pipe)
        os.write(descriptor, ATTACK)
        os.close(descriptor)
        return answer
    waits = files._has_writer
    monkeypatch.setattr(files, "_has_writer", write_late)
    assert scan(capsys, path)[0] == 1


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_gone_when_it_is_to_be_read(what, tmp_path, capsys, monkeypatch):
    gone = tmp_path / "folder" / "b" / "x.pkl"
    gone.parent.mkdir(parents=True)
    for path in (gone, tmp_path / "folder" / "good.pkl"):
        path.write_bytes(GOOD)
    if what == "file":
        monkeypatch.setattr(command.Progress, "step", lambda self, name: gone.unlink(missing_ok=True))
    else:
        whole = os.stat

        def stat(path, **options):
            if path == str(gone.parent) and gone.parent.exists():
                gone.unlink()
                gone.parent.rmdir()
            return whole(path, **options)
        monkeypatch.setattr(files.os, "stat", stat)
    code, document = scan(capsys, tmp_path / "folder")
    assert code == 2 and document["totals"]["pickles"] == 1
    told = [file["file"] for file in document["files"] if file["errors"]]
    assert told == [str(gone if what == "file" else gone.parent)], document


def test_a_file_in_whose_place_a_pipe_is(tmp_path, capsys, monkeypatch):
    """It is opened by its name once more, for each look at it."""
    path = tmp_path / "x.pkl"
    path.write_bytes(GOOD)

    def part(self, each, claimed):
        path.unlink()
        os.mkfifo(path)
        whole(self, each, claimed)
    whole = scanning.Scan.part
    monkeypatch.setattr(scanning.Scan, "part", part)
    assert scan(capsys, path)[0] == 2


def test_a_folder_without_pickles(tmp_path, capsys):
    assert scan(capsys, tmp_path) == (0, {"brine": scan(capsys, tmp_path)[1]["brine"], "command": "scan", "exit_code": 0,
                                          "files": [], "totals": {"files": 0, "pickles": 0, "others": 0, "hazards": 0,
                                                                  "errors": 0}})


def test_a_progress_bar_for_who_waits_at_a_terminal(tmp_path, environment):
    for number in range(5):
        (tmp_path / f"{number}.pkl").write_bytes(GOOD)
    command = [sys.executable, "-m", "brine", "pickle", "scan", str(tmp_path)]
    reader, writer = pty.openpty()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=writer, env=environment, check=True)
    assert b"] 0/5 " in os.read(reader, 10_000)
    os.close(reader)
    os.close(writer)
    assert subprocess.run(command, capture_output=True, env=environment, check=True).stderr == b""


# --- strangers ------------------------------------------------------------------------------------------


def mutated(data, draw):
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(data) or 1)
        match draw.randrange(5):
            case 0 if data:
                data[at] = draw.randrange(256)
            case 1:
                del data[at:at + draw.choice((1, 4, 64, 4096))]
            case 2:
                data[at:at] = draw.randbytes(draw.choice((1, 4, 64)))
            case 3:
                data[at:at + 4] = draw.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
            case 4:
                data[at:at] = data[draw.randrange(len(data) or 1):][:draw.choice((4, 512))]
    return bytes(data)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_mutations(kind, tmp_path, capsys):
    """Whatever is in a file, the answer is one of the command's own."""
    draw = random.Random(f"containers {kind}")
    path = tmp_path / "x"
    for _ in range(60):
        made = CONTAINERS[kind](draw.choice((GOOD, ATTACK, pickle.dumps([1, {2: "x"}], 0))), tmp_path)
        path.write_bytes(mutated(made, draw))
        start = time.process_time()
        code, document = scan(capsys, path)
        assert code in DOCUMENTED and time.process_time() - start < 20
        for error in document["files"][0]["errors"]:
            assert error["reason"].split()[0] in ("is", "has", "cannot", "ends", "holds", "takes", "refers", "looks",
                                                  "claims", "unpacks", "names"), error


def test_mutations_of_dbm_dumb(tmp_path, capsys):
    draw = random.Random("dumb")
    with dbm.dumb.open(str(tmp_path / "s"), "n") as store:
        store["k"], store["l"] = GOOD, ATTACK
    directory = (tmp_path / "s.dir").read_bytes()
    for _ in range(100):
        (tmp_path / "s.dir").write_bytes(mutated(directory, draw))
        assert scan(capsys, tmp_path / "s.dat")[0] in DOCUMENTED


@pytest.mark.parametrize("descr, numbers", [
    ("<f8", True), ("|b1", True), ("<U10", True), ("<M8[ns]", True), ("<m8[25s]", True), ("|V8", True), ("f8", True),
    ("|O", False), ("O", False), ("O8", False), ("object", False), ("i4,O", False), ([("a", "<i4")], True),
    ([("a", "|O")], False), ([("a", [("b", "|O")])], False), ([("a", "<i4", (2,))], True), (None, False), ({}, False)])
def test_dtypes_of_numbers(descr, numbers):
    assert arrays._are_numbers(descr, 0) == numbers


@pytest.mark.parametrize("name, wanted", [
    ("x.pkl", True), ("x.PKL.gz", True), ("x.joblib.z", True), ("x.pt", True), ("x.npy", True), ("x.pickle5", True),
    ("x.txt", False), ("pkl", False), ("x.pklx", False)])
def test_names_of_pickles(name, wanted):
    assert scanning.is_pickle_name(name) == wanted
