"""Section 2: the one form of path, query, method and authority."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
RAW_IN_UNAMBIGUOUS = frozenset(b"!$'()*,/:?@[]")
ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")


def method_is_canonical(method: bytes) -> bool:
    return bool(re.fullmatch(rb"[A-Z]+", method)) and method not in (b"CONNECT", b"TRACE")


def authority_is_canonical(authority: bytes) -> bool:
    return authority != b"" and b"," not in authority and b"@" not in authority


def path_is_canonical(path: bytes) -> bool:
    if not path.startswith(b"/") or b"//" in path or b"\\" in path:
        return False
    if any(byte < 0x20 or byte >= 0x7F or byte in b'"<>^{|}`' for byte in path):
        return False
    for start in (i for i, byte in enumerate(path) if byte == ord("%")):
        escape = path[start : start + 3]
        if not ESCAPE.fullmatch(escape):
            return False
        if int(escape[1:], 16) in UNRESERVED or escape.lower() in (b"%2f", b"%5c"):
            return False
    return not any(segment.split(b";")[0] in (b".", b"..") for segment in path.split(b"/"))


def query_escapes_are_sound(query: bytes) -> bool:
    if len(ESCAPE.findall(query)) != query.count(b"%"):
        return False
    for part in query.split(b"&"):
        for text in part.split(b"=", 1):
            try:
                unquote_to_bytes(text).decode("utf-8")
            except UnicodeDecodeError:
                return False
    return True


def encode(text: bytes) -> bytes:
    return b"".join(bytes([byte]) if byte in UNRESERVED else b"%%%02X" % byte for byte in unquote_to_bytes(text))


def split(part: bytes) -> tuple[bytes, bytes]:
    key, _, value = part.partition(b"=")
    return key, value


def normalise(query: bytes) -> bytes:
    query = query[1:] if query.startswith(b"?") else query
    if query == b"":
        return b""
    pairs = sorted(tuple(encode(text) for text in split(part)) for part in query.split(b"&"))
    return b"&".join(key + b"=" + value for key, value in pairs)


def query_is_in_form(query: bytes | None, form: str) -> bool:
    """None is a target without a question mark."""
    if query is None:
        return True
    if query == b"":
        # The mark alone has the transcript of no query at all.
        return form == "compat"
    if not query_escapes_are_sound(query):
        return False
    if form == "compat":
        return True
    if form == "strict":
        return query == normalise(query)
    if query.startswith(b"?"):
        return False
    seen: dict[bytes, bytes] = {}
    for part in query.split(b"&"):
        key, value = split(part)
        if part == b"" or not _plain(key) or not _plain(value.replace(b"=", b"")):
            return False
        name, text = encode(key), encode(value)
        if name in seen and text < seen[name]:
            return False
        seen[name] = text
    return True


def _plain(text: bytes) -> bool:
    """Only what the unambiguous form lets stand, raw or escaped."""
    rest = ESCAPE.sub(b"", text)
    if any(byte not in UNRESERVED and byte not in RAW_IN_UNAMBIGUOUS for byte in rest):
        return False
    escaped = (int(found[1:], 16) for found in ESCAPE.findall(text))
    return all(byte not in UNRESERVED or byte == ord("~") for byte in escaped)
