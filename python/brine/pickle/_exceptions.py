"""Exceptions of Python's library that a pickle may make: what a pool or a queue's worker stores of what has gone wrong.

They keep what they are given as `args`, and perhaps as attributes. Those that do more, as an exception that is
made of a list and goes through it, are not among them.
"""

import builtins

_OF_LIBRARY = {
    "_csv": "Error",
    "_hashlib": "UnsupportedDigestmodError",
    "_lzma": "LZMAError",
    "_pickle": "PickleError PicklingError UnpicklingError",
    "_queue": "Empty",
    "argparse": "ArgumentTypeError",
    "asyncio.exceptions": "BrokenBarrierError CancelledError InvalidStateError SendfileNotAvailableError TimeoutError",
    "asyncio.queues": "QueueEmpty QueueFull QueueShutDown",
    "binascii": "Error Incomplete",
    "concurrent.futures._base": "BrokenExecutor CancelledError Error InvalidStateError TimeoutError",
    "concurrent.futures.process": "BrokenProcessPool",
    "concurrent.futures.thread": "BrokenThreadPool",
    "copy": "Error",
    "ctypes": "ArgumentError",
    "dataclasses": "FrozenInstanceError",
    "decimal": "Clamped ConversionSyntax DecimalException DivisionByZero DivisionImpossible DivisionUndefined "
               "FloatOperation Inexact InvalidContext InvalidOperation Overflow Rounded Subnormal Underflow",
    "email.errors": "BoundaryError CharsetError HeaderParseError HeaderWriteError MessageError MessageParseError "
                    "MultipartConversionError",
    "ftplib": "Error error_perm error_proto error_reply error_temp",
    "graphlib": "CycleError",
    "gzip": "BadGzipFile",
    "http.client": "CannotSendHeader CannotSendRequest HTTPException ImproperConnectionState InvalidURL NotConnected "
                   "ResponseNotReady UnimplementedFileMode UnknownTransferEncoding",
    "http.cookiejar": "LoadError",
    "http.cookies": "CookieError",
    "io": "UnsupportedOperation",
    "ipaddress": "AddressValueError NetmaskValueError",
    "locale": "Error",
    "multiprocessing": "AuthenticationError BufferTooShort ProcessError TimeoutError",
    "multiprocessing.context": "AuthenticationError BufferTooShort ProcessError TimeoutError",
    "numpy.linalg": "LinAlgError",
    "pickle": "PickleError PicklingError UnpicklingError",
    "poplib": "error_proto",
    "queue": "Empty Full ShutDown",
    "shutil": "Error ExecError ReadError RegistryError SameFileError SpecialFileError",
    "signal": "itimer_error",
    "smtplib": "SMTPAuthenticationError SMTPConnectError SMTPDataError SMTPException SMTPHeloError "
               "SMTPNotSupportedError SMTPRecipientsRefused SMTPResponseException SMTPSenderRefused "
               "SMTPServerDisconnected",
    "socket": "gaierror herror timeout",
    "sqlite3": "DataError DatabaseError Error IntegrityError InterfaceError InternalError NotSupportedError "
               "OperationalError ProgrammingError Warning",
    "ssl": "SSLCertVerificationError SSLEOFError SSLError SSLSyscallError SSLWantReadError SSLWantWriteError "
           "SSLZeroReturnError",
    "statistics": "StatisticsError",
    "struct": "error",
    "subprocess": "CalledProcessError SubprocessError TimeoutExpired",
    "tarfile": "CompressionError EOFHeaderError EmptyHeaderError ExtractError HeaderError InvalidHeaderError "
               "ReadError StreamError SubsequentHeaderError TarError TruncatedHeaderError",
    "threading": "BrokenBarrierError",
    "tokenize": "TokenError",
    "unittest.case": "SkipTest",
    "urllib.error": "URLError",
    "wave": "Error",
    "xml.parsers.expat": "ExpatError",
    "xmlrpc.client": "Error ResponseError",
    "zipfile": "BadZipFile LargeZipFile",
    "zipimport": "ZipImportError",
    "zlib": "error",
    "zoneinfo._common": "ZoneInfoNotFoundError",
}
KEEPING = frozenset((module, name) for module, names in _OF_LIBRARY.items() for name in names.split()) | {
    ("builtins", name) for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)}
"""They have no code that looks into what they are given."""

_OF_TEXTS = {
    "asyncio.exceptions": "IncompleteReadError LimitOverrunError",
    "configparser": "DuplicateOptionError DuplicateSectionError Error InterpolationDepthError InterpolationError "
                    "InterpolationMissingOptionError InterpolationSyntaxError MissingSectionHeaderError NoOptionError "
                    "NoSectionError ParsingError",
    "getopt": "GetoptError",
    "http.client": "BadStatusLine IncompleteRead LineTooLong RemoteDisconnected UnknownProtocol",
    "json.decoder": "JSONDecodeError",
    "netrc": "NetrcParseError",
    "plistlib": "InvalidFileException",
    "re": "PatternError error",
    "tomllib": "TOMLDecodeError",
}
TELLING = frozenset((module, name) for module, names in _OF_TEXTS.items() for name in names.split())
"""They make a text of what they are given."""
