"""The passport of a case: a compact JWS, patched as the recipe says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import keys
from .values import Clock, edit, merge, value

MEMBERS = {"header", "header_text", "claims", "claims_text", "key", "forge", "size", "token"}


@dataclass(frozen=True)
class Passport:
    """A token, and the claims it was made from."""

    token: bytes
    claims: dict[str, Any]

    def text(self, *names: str) -> str:
        """One claim for the transcript: empty where it is no string."""
        found: Any = self.claims
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, list) and found:
            found = found[0]
        return found if isinstance(found, str) else ""

    @property
    def issued_at(self) -> int:
        """`iat` where it is a time, else 1, so that something can be signed."""
        found = self.claims.get("iat")
        return found if isinstance(found, int) and found > 0 else 1


def build(base: dict[str, Any], change: dict[str, Any], jti: str, clock: Clock) -> Passport:
    """Signs the claims; whatever a recipe breaks, it breaks before or after, never in between."""
    unknown = set(change) - MEMBERS
    assert not unknown, f"unknown members {unknown}"
    header = merge(value(base["header"], clock), value(change.get("header", {}), clock))
    claims = {"jti": jti} | value(base["claims"], clock)
    claims = merge(claims, value(change.get("claims", {}), clock))

    if "size" in change:
        header, claims = _padded(header, claims, change["size"])
    parts = []
    for document, name in ((header, "header_text"), (claims, "claims_text")):
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        parts.append(keys.b64url(edit(text, change.get(name, []), clock)))
    unsigned = ".".join(parts).encode("ascii")
    signer = keys.key(change.get("key", base["key"]))
    signature = signer.sign(unsigned, change.get("forge", ""))
    token = unsigned + b"." + keys.b64url(signature).encode("ascii")
    return Passport(edit(token, change.get("token", []), clock), claims)


def _padded(header: dict[str, Any], claims: dict[str, Any], size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fills an unknown claim until the token has exactly `size` bytes."""

    def length(document: dict[str, Any]) -> int:
        return len(keys.b64url(json.dumps(document, separators=(",", ":")).encode("utf-8")))

    for extra in range(4):
        padded_header = header | {"note": "x" * extra}
        for count in range(size):
            padded = claims | {"note": "x" * count}
            total = length(padded_header) + 1 + length(padded) + 1 + 86
            if total == size:
                return padded_header, padded
            if total > size:
                break
    raise ValueError(f"no token of {size} bytes")
