"""A file system that hangs, as FUSE and a dead NFS server do: whoever looks at it waits for ever."""

import ctypes
import os

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
DETACH = 2  # MNT_DETACH


class Stuck:
    """A FUSE file system whose server never answers, not even the kernel's first question."""

    def __init__(self, folder):
        self.folder, self.fd = folder, None
        self.hang()

    def hang(self):
        try:
            self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            pytest.skip(f"no FUSE here: {error}")
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        if LIBC.mount(b"stuck", str(self.folder).encode(), b"fuse", 0, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self.fd)
            self.fd = None
            pytest.skip(f"this system lets nobody mount: {os.strerror(number)}")

    def come_back(self):
        """What was below is there again; those who waited get an error."""
        if self.fd is None:
            return
        LIBC.umount2(str(self.folder).encode(), DETACH)
        os.close(self.fd)
        self.fd = None
