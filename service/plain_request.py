"""Recognises a request that has arrived whole and says nothing unusual, without parsing it.

While there is room for nobody, most of what comes is refused. To parse it first, and to build all
that an application is given of a request, takes several times as long as to refuse it.
"""

import re

_LEFT_TO_THE_PARSER = (
    b"connection",
    b"content-length",
    b"expect",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
    b"x-priority",
    b"x-request-id",
)
"""Fields that say where a request ends, or how it is to be answered."""

_FIELD = (
    rb"(?:(?!(?i:%b)[ \t]*:)[!#-'*+.0-9A-Z^-z|~-]+:[\t -~\x80-\xff]*\r\n"
    rb"|(?i:connection):[ \t]*(?i:keep-alive)\r\n)" % b"|".join(_LEFT_TO_THE_PARSER)
)
"""One of any other name (RFC 9110, 5.1 and 5.5), or what HTTP/1.1 does anyway."""

_PLAIN = re.compile(
    rb"POST (/[!$&-;=@-~]*) HTTP/1\.1\r\n%b*(?i:content-length):[ \t]*([0-9]{1,9})\r\n%b*\r\n"
    % (_FIELD, _FIELD)
)


def plain_path(data: bytes, most_header_bytes: int) -> str | None:
    """The path of the request that ``data`` is; None unless it is all of one POST request, and no
    more, which is framed by its length, is to be answered like most, on a connection that stays
    open, and whose header is no larger than that. What has an escape or a query in its path is left
    to the parser as well.
    """
    found = _PLAIN.match(data)
    if found is None or found.end() > most_header_bytes:
        return None
    if len(data) - found.end() != int(found[2]):
        return None
    return found[1].decode("ascii")
