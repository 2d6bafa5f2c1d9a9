"""Section 2: which headers the caller covered, found by hashing alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

Headers = list[tuple[str, bytes]]
EXEMPT = frozenset(
    """host connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer
    transfer-encoding upgrade content-length expect via forwarded x-forwarded-for x-forwarded-proto
    x-forwarded-host x-forwarded-port x-envoy-external-address x-envoy-expected-rq-timeout-ms
    x-envoy-internal x-envoy-attempt-count authorization x-trustplane-transcript-sha256
    x-trustplane-proof x-trustplane-body-sha256 x-trustplane-signed-headers x-trustplane-subject
    x-trustplane-issuer x-trustplane-trust-domain x-trustplane-jti x-trustplane-key-binding
    x-trustplane-route-id""".split()
)
FREE = ("user-agent", "accept-encoding", "accept", "x-request-id", "traceparent", "tracestate", "b3")
FORM = b"application/x-www-form-urlencoded"
NONCE = "x-trustplane-nonce"
NOTHING = hashlib.sha256(b"").hexdigest()
REMOVED = "everything else is removed"


def sort(headers: Headers, exempt: list[str], claimed_body: str) -> tuple[list[str], list[str]]:
    """The mandatory names, and the free ones in their order."""
    names = {name for name, _ in headers} - EXEMPT - set(exempt)
    free = [name for name in FREE if name in names]
    if first(headers, "content-type") == FORM and claimed_body != NOTHING:
        free.insert(0, "content-type")
    return sorted(names - set(free)), free


def first(headers: Headers, wanted: str) -> bytes | None:
    return next((value.strip(b" \t") for name, value in headers if name == wanted), None)


def candidates(headers: Headers, settings: dict[str, Any], claimed_body: str) -> Iterator[tuple[list[str], str]]:
    """Every list worth hashing, and what it means for the rest."""
    mandatory, free = sort(headers, settings["exempt"], claimed_body)
    present = {name for name, _ in headers}
    required = set(settings["required"])
    if not required <= present:
        return
    listed = first(headers, "x-trustplane-signed-headers")
    if listed is not None:
        names = _listed(listed, mandatory, free, present)
        if names is not None and required <= set(names):
            yield names, ""
        return
    for size in range(min(len(free), 6) + 1):
        for chosen in combinations(free[:6], size):
            names = sorted([*mandatory, *chosen])
            if required <= set(names):
                yield names, ""
    if settings["uncovered"] == "remove":
        yield sorted(required), REMOVED


def _listed(listed: bytes, mandatory: list[str], free: list[str], present: set[str]) -> list[str] | None:
    if not re.fullmatch(rb"[a-z0-9!#$%&'*+.^_`|~,-]+", listed):
        return None
    names = listed.decode("ascii").split(",")
    sound = names == sorted(set(names)) and set(names) <= present and set(mandatory) <= set(names)
    return names if sound and set(names) <= set(mandatory) | set(free) else None


def repeated(headers: Headers, names: list[str]) -> bool:
    held = [name for name, _ in headers]
    return any(held.count(name) > 1 for name in names)
