"""Rules for headers as `email.message.EmailMessage` keeps them: texts, with what they were taken apart into."""

from collections.abc import Callable
from typing import Any

from brine.pickle._calls import Items, Name, Pairs, has_names, require

_PARSER = "email._header_value_parser"
_LISTS = (
    "TokenList WhiteSpaceTokenList UnstructuredTokenList Phrase Word CFWSList Atom Token EncodedWord QuotedString "
    "BareQuotedString Comment AddressList Address MailboxList GroupList Group NameAddr AngleAddr ObsRoute Mailbox "
    "InvalidMailbox Domain DotAtom DotAtomText NoFoldLiteral AddrSpec ObsLocalPart DisplayName LocalPart DomainLiteral "
    "MIMEVersion Parameter InvalidParameter Attribute Section Value MimeParameters ParameterizedHeaderValue "
    "ContentType ContentDisposition ContentTransferEncoding HeaderLabel MsgID MessageID InvalidMessageID Header")
LISTS = frozenset(Name(_PARSER, name) for name in _LISTS.split())
"""Lists of parts, made without arguments and then filled."""
TEXTS = frozenset(Name(_PARSER, f"{kind}Terminal") for kind in ("", "WhiteSpace", "Value", "EWWhiteSpace"))
"""Texts, made of themselves and what they are called."""
_REGISTRY = "email.headerregistry"
_KINDS = ("", "Unstructured", "UniqueUnstructured", "Date", "UniqueDate", "Address", "UniqueAddress", "SingleAddress",
          "UniqueSingleAddress", "MIMEVersion", "ParameterizedMIME", "ContentType", "ContentDisposition",
          "ContentTransferEncoding", "MessageID")
CLASSES = frozenset(Name(_REGISTRY, f"{kind or 'Base'}Header") for kind in _KINDS)
"""Bases of the classes of headers, which are made as a header is loaded."""
HEADER = Name(_REGISTRY, "_reconstruct_header")
_ADDRESSES = frozenset(Name(_REGISTRY, name) for name in ("Address", "Group"))
_OF_A_PART = frozenset(
    "defects token_type maintype subtype content_disposition major minor cte sectioned extended number charset lang "
    "as_ew_allowed syntactic_break ew_combine_allowed".split())
_OF_AN_ADDRESS = frozenset("_display_name _username _domain _addresses".split())
_OF_A_HEADER = frozenset("_name _parse_tree _defects _groups _addresses _datetime _version _major _minor _params "
                         "_maintype _subtype _content_disposition _cte".split())


def is_header(arguments: tuple[Any, ...]) -> None:
    """Refuses other arguments than a class's name, its bases and the header's text."""
    require(len(arguments) == 3 and type(arguments[0]) is type(arguments[2]) is str and type(arguments[1]) is tuple
            and arguments[1] and all(isinstance(each, Name) and each in CLASSES for each in arguments[1]),
            "it makes a class that is none of a header.")


def is_text(arguments: tuple[Any, ...]) -> None:
    """Refuses other arguments than two texts."""
    require(len(arguments) == 2 and type(arguments[0]) is type(arguments[1]) is str, "it is made of other than texts.")


def _state(known: frozenset[str]) -> Callable[[Any], None]:
    """Its attributes, none of them a method or what could be called."""
    def check(state: Any) -> None:
        require(isinstance(state, Pairs) and has_names(state) and all(
            key in known and not isinstance(value, Name) for key, value in state), "its state is none of a header's.")
    return check


STATES: dict[Name, Callable[[Any], None]] = {
    **{name: _state(_OF_A_PART) for name in LISTS | TEXTS}, **{name: _state(_OF_AN_ADDRESS) for name in _ADDRESSES},
    HEADER: _state(_OF_A_HEADER),
}
"""Which states these may be given."""


def is_old_form(made: Name, base: Any, given: Any) -> bool:
    """Whether protocols 0 and 1 make one of these so."""
    return (made in LISTS and base == ("builtins", "list") and isinstance(given, Items)
            or made in TEXTS and base == ("builtins", "str") and type(given) is str)
