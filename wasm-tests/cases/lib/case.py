"""One recipe becomes one concrete request with its expectation."""

from __future__ import annotations

import hashlib
from typing import Any

from . import keys, passport, transcript, wire
from .reasons import PROOF_ACCEPTED, SIGNATURE_CHECKED, STAGES
from .values import Clock, to_bytes, to_json, value

MEMBERS = {"comment", "profile", "base", "change", "store", "row", "expect", "envoy"}
CHANGES = {"passport", "request", "signed", "proof", "sent"}
REQUEST = {
    "method", "path", "query", "authority", "scheme", "tls", "audience", "route_id",
    "headers", "covered", "transport", "body", "signed_headers", "nonce",
}  # fmt: skip
SENT = {"method", "target", "authority", "tls", "headers", "body", "trailers"}
STORES = {"fresh", "replayed", "unavailable", "full", "cold"}
IDENTITY = ("subject", "issuer", "trust-domain", "jti", "key-binding", "route-id")
CREDENTIALS = (
    "authorization",
    "x-trustplane-transcript-sha256",
    "x-trustplane-proof",
    "x-trustplane-nonce",
    "x-trustplane-body-sha256",
    "x-trustplane-signed-headers",
)


ENVOY = {"skip", "status", "reason", "http", "why"}


def _known(found: dict[str, Any], allowed: set[str]) -> dict[str, Any]:
    assert not set(found) - allowed, f"unknown members {set(found) - allowed}"
    return found


def materialise(name: str, topic: str, recipe: dict[str, Any], bases: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """The concrete request; the same recipe, instant and salt always give the same bytes."""
    _known(recipe, MEMBERS)
    base = bases[recipe.get("base", "get")]
    change = _known(recipe["change"], CHANGES)
    token = passport.build(base["passport"], change.get("passport", {}), clock.jti(name), clock)

    asked = _known(change.get("request", {}), REQUEST)
    meant = base["request"] | {member: raw for member, raw in asked.items() if member != "headers"}
    meant = {member: value(raw, clock) for member, raw in meant.items() if member != "headers"}
    app = wire.headers(base["request"]["headers"], clock)
    app = wire.change(app, asked.get("headers", []), clock)
    meant.setdefault("nonce", clock.nonce(name))
    meant.setdefault("covered", [*(held for held, _ in app), "x-trustplane-nonce"])
    encoding = wire.first(app, "content-encoding")
    meant["content_encoding"] = encoding.decode() if encoding else "identity"
    chunks = _chunks(meant["body"])
    meant["body"] = b"".join(chunks)

    known = [*app, *wire.headers(meant["transport"], clock)]
    known.append(("x-trustplane-nonce", to_bytes(meant["nonce"])))
    text, body_sha256 = transcript.sign_text(meant, known, token, change.get("signed", {}), clock)
    digest = hashlib.sha256(text)
    credentials: wire.Headers = [
        ("authorization", b"Bearer " + token.token),
        ("x-trustplane-transcript-sha256", digest.hexdigest().encode()),
        ("x-trustplane-proof", _proof(base, change.get("proof", {}), digest.digest(), text)),
        ("x-trustplane-nonce", to_bytes(meant["nonce"])),
        ("x-trustplane-body-sha256", body_sha256.encode()),
    ]
    if "signed_headers" in meant:
        credentials.append(("x-trustplane-signed-headers", to_bytes(meant["signed_headers"])))

    sent = _known(change.get("sent", {}), SENT)
    headers = [*app, *credentials, *wire.headers(meant["transport"], clock)]
    headers = wire.change(headers, sent.get("headers", []), clock)
    query = "" if meant["query"] is None else f"?{meant['query']}"
    if "body" in sent:
        chunks = _chunks(value(sent["body"], clock))
    _known(recipe.get("envoy", {}), ENVOY)
    store = recipe.get("store", "fresh")
    assert store in STORES, f"no such store: {store}"
    return {
        "name": name,
        "topic": topic,
        "comment": recipe["comment"],
        "profile": recipe.get("profile", "default"),
        "now": clock.now,
        "tls": sent.get("tls", meant["tls"]),
        "method": _pseudo(sent.get("method", meant["method"]), clock),
        "target": _pseudo(sent.get("target", meant["path"] + query), clock),
        "authority": _pseudo(sent.get("authority", meant["authority"]), clock),
        "headers": [[held, to_json(raw)] for held, raw in headers],
        "body_chunks": [to_json(chunk) for chunk in chunks],
        "trailers": [[held, to_json(raw)] for held, raw in wire.headers(sent.get("trailers", []), clock)],
        "store": store,
        "expect": _expect(recipe, token, meant, digest.hexdigest(), headers),
        "envoy": recipe.get("envoy"),
    }


def _pseudo(raw: Any, clock: Clock) -> Any:
    return to_json(to_bytes(value(raw, clock)))


def _chunks(raw: Any) -> list[bytes]:
    parts = raw if isinstance(raw, list) else [raw]
    return [to_bytes(part) for part in parts if part or isinstance(raw, list)]


def _proof(base: dict[str, Any], change: dict[str, Any], digest: bytes, text: bytes) -> bytes:
    _known(change, {"key", "forge", "over"})
    over = {"digest": digest, "hex": digest.hex().encode(), "text": text}
    signer = keys.key(change.get("key", base["proof_key"]))
    message = over[change.get("over", "digest")]
    return keys.b64url(signer.sign(message, change.get("forge", ""))).encode()


def _expect(
    recipe: dict[str, Any],
    token: passport.Passport,
    meant: dict[str, Any],
    digest: str,
    headers: wire.Headers,
) -> dict[str, Any]:
    """The recipe's verdict, and what follows from it."""
    expect = _known(recipe["expect"], {"decision", "reason", "status", "upstream_absent"})
    stage, status = STAGES[expect["reason"]]
    allowed = stage == 14
    assert expect["status"] == status, f"{expect['reason']} answers {status}"
    assert expect["decision"] == ("allow" if allowed else "deny")
    row = recipe.get("row", stage)
    claims = {
        "issuer": token.text("iss"),
        "subject": token.text("sub"),
        "jti": token.text("jti"),
        "key_binding": token.text("cnf", "key_binding"),
    }
    present = {name for name, _ in headers}
    return {
        "decision": expect["decision"],
        "reason": expect["reason"],
        "status": status,
        "transcript_sha256": digest if row >= PROOF_ACCEPTED else None,
        "claims": claims if row >= SIGNATURE_CHECKED else None,
        "upstream": {
            "set": {
                f"x-trustplane-{name}": text
                for name, text in zip(
                    IDENTITY,
                    (
                        claims["subject"],
                        claims["issuer"],
                        token.text("trust_domain"),
                        claims["jti"],
                        claims["key_binding"],
                        meant["route_id"],
                    ),
                    strict=True,
                )
            },
            "absent": expect.get("upstream_absent", [name for name in CREDENTIALS if name in present]),
        }
        if allowed
        else None,
    }
