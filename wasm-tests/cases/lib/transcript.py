"""What a caller signs: the official SDK's transcript, and the surgery that no SDK does."""

from __future__ import annotations

import hashlib
from typing import Any

from trustplane_auth.transcript import Header, RequestInput, build_request

from .passport import Passport
from .values import Clock, edit, to_bytes, value
from .wire import Headers

FIELDS = {
    "method",
    "scheme",
    "authority",
    "path",
    "query",
    "audience",
    "route_id",
    "content_encoding",
    "nonce",
    "passport_jti",
    "issued_at",
    "time_bucket_seconds",
    "key_binding",
    "body",
    "body_sha256",
}
SURGERY = {"covered", "headers", "lines", "text"}


def sign_text(
    meant: dict[str, Any], app_headers: Headers, passport: Passport, change: dict[str, Any], clock: Clock
) -> tuple[bytes, str]:
    """The signed text and the body digest it claims.

    `meant` is the request as its caller means it; `change` states what is signed instead.
    """
    unknown = set(change) - FIELDS - SURGERY
    assert not unknown, f"unknown members {unknown}"
    fields = meant | {name: value(change[name], clock) for name in FIELDS & set(change)}
    held = dict(reversed(app_headers)) | {
        name: to_bytes(value(raw, clock)) for name, raw in change.get("headers", {}).items()
    }
    covered = change.get("covered", meant["covered"])
    material = build_request(
        RequestInput(
            method=fields["method"],
            scheme=fields["scheme"],
            authority=fields["authority"],
            path=fields["path"],
            raw_query=fields["query"] or "",
            audience=fields["audience"],
            route_id=fields["route_id"],
            content_encoding=fields["content_encoding"],
            body=to_bytes(fields["body"]),
            body_sha256=fields.get("body_sha256", ""),
            headers=tuple(Header(name, _for_sdk(held[name])) for name in covered),
            header_allow_list=tuple(covered),
            nonce=fields["nonce"],
            issued_at_unix=fields.get("issued_at", passport.issued_at),
            passport_jti=fields.get("passport_jti", passport.text("jti") or "jti"),
            key_binding=fields.get("key_binding", passport.text("cnf", "key_binding") or "software"),
            time_bucket_seconds=fields.get("time_bucket_seconds", 20),
        )
    )
    lines = [_with_raw_bytes(line, held, covered) for line in material.canonical_lines]
    for name, raw in change.get("lines", {}).items():
        places = [i for i, line in enumerate(lines) if line.startswith(f"{name}=")]
        assert len(places) == 1, f"{name} names {len(places)} lines"
        lines[places[0]] = f"{name}={value(raw, clock)}"
    text = edit("\n".join(lines).encode("utf-8"), change.get("text", []), clock)
    return text, material.body_sha256


def _for_sdk(data: bytes) -> str:
    """The SDK hashes text; values that are not UTF-8 get their hash put in afterwards."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return f"raw bytes {data.hex()}"


def _with_raw_bytes(line: str, held: dict[str, bytes], covered: list[str]) -> str:
    if line.startswith("headers.selected="):
        for name in covered:
            stand_in = _for_sdk(held[name])
            if stand_in.encode() != held[name]:
                sent = hashlib.sha256(held[name].strip(b" \t")).hexdigest()
                line = line.replace(hashlib.sha256(stand_in.encode()).hexdigest(), sent)
    return line
