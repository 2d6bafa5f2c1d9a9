"""The small vocabulary of values that recipes, profiles and bundles share.

Everything that is not one of these forms is taken as it is:

* `{"now": -31}`                    that many seconds from now
* `{"repeat": "a", "times": 3}`     a repeated value
* `{"join": [v, v]}`                one after the other
* `{"hex": "ff"}`                   bytes, where bytes may stand
* `{"key": "caller"}`               a named public key as base64url
* `{"sha256": "text"}`              lower-case hex digest
* `{"jti_of": "case_name"}`         the replay id of another case
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from . import keys

Bytes = dict[str, str]


@dataclass(frozen=True)
class Clock:
    """The instant everything is relative to, and the salt that keeps runs apart."""

    now: int
    salt: str = ""

    def token(self, purpose: str, name: str) -> bytes:
        """Sixteen bytes that belong to this run, purpose and case."""
        text = f"{purpose}\n{self.now}\n{self.salt}\n{name}"
        return hashlib.sha256(text.encode()).digest()[:16]

    def jti(self, name: str) -> str:
        """The replay id of a case, in the form the official SDK gives its own."""
        return "jti-" + keys.b64url(self.token("jti", name))

    def nonce(self, name: str) -> str:
        """The nonce of a case, likewise."""
        return self.token("nonce", name).hex()


def value(raw: Any, clock: Clock) -> Any:
    """The value a recipe means."""
    if isinstance(raw, list):
        return [value(item, clock) for item in raw]
    if not isinstance(raw, dict):
        return raw
    match raw:
        case {"now": int(offset), **rest} if not rest:
            return clock.now + offset
        case {"repeat": part, "times": int(times), **rest} if not rest:
            return value(part, clock) * times
        case {"join": list(parts), **rest} if not rest:
            return _join([value(part, clock) for part in parts])
        case {"hex": str(digits), **rest} if not rest:
            return bytes.fromhex(digits)
        case {"key": str(name), **rest} if not rest:
            return keys.public(name)
        case {"sha256": str(text), **rest} if not rest:
            return hashlib.sha256(text.encode()).hexdigest()
        case {"jti_of": str(name), **rest} if not rest:
            return clock.jti(name)
    return {name: value(item, clock) for name, item in raw.items()}


def _join(parts: list[Any]) -> Any:
    if any(isinstance(part, bytes) for part in parts):
        return b"".join(to_bytes(part) for part in parts)
    return "".join(parts)


def to_bytes(data: str | bytes) -> bytes:
    """Text as UTF-8, bytes as they are."""
    return data if isinstance(data, bytes) else data.encode("utf-8")


def to_json(data: bytes) -> str | Bytes:
    """Bytes as text where they are UTF-8, else in hex."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def from_json(data: str | Bytes) -> bytes:
    """The reverse of `to_json`."""
    return bytes.fromhex(data["hex"]) if isinstance(data, dict) else data.encode("utf-8")


def merge(base: Any, patch: Any) -> Any:
    """RFC 7396: members replace, objects merge, null removes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for name, item in patch.items():
        if item is None:
            merged.pop(name, None)
        elif isinstance(item, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], item)
        else:
            merged[name] = item
    return merged


def edit(data: bytes, edits: list[dict[str, Any]], clock: Clock) -> bytes:
    """Surgery on text: one change after the other.

    `{"set": v}`, `{"append": v}`, `{"prepend": v}`, `{"replace": [old, new]}` (old stands there
    exactly once), `{"cut": n}` off the end, `{"trailing_bits": true}` behind the last character of
    base64url.
    """
    for change in edits:
        (name, raw), *more = change.items()
        assert not more, f"one edit at a time: {change}"
        argument = value(raw, clock)
        match name:
            case "set":
                data = to_bytes(argument)
            case "append":
                data = data + to_bytes(argument)
            case "prepend":
                data = to_bytes(argument) + data
            case "replace":
                old, new = (to_bytes(part) for part in argument)
                assert data.count(old) == 1, f"{old!r} stands {data.count(old)} times in {data!r}"
                data = data.replace(old, new)
            case "cut":
                data = data[:-argument]
            case "trailing_bits":
                data = _with_trailing_bits(data)
            case _:
                raise ValueError(f"no such edit: {name}")
    return data


def _with_trailing_bits(data: bytes) -> bytes:
    """Sets an unused bit of the last character; the decoded bytes stay the same."""
    part = data.rpartition(b".")[2].decode()
    assert len(part) % 4 in (2, 3), "no unused bits"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = part[:-1] + alphabet[alphabet.index(part[-1]) | 1]
    padded = changed + "=" * (-len(changed) % 4)
    assert changed != part
    assert base64.urlsafe_b64decode(padded) == keys.b64url_decode(part)
    return data[: len(data) - len(part)] + changed.encode()
