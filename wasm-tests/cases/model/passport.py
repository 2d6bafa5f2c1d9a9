"""Section 1: the shape of a passport, its key, its signature."""

from __future__ import annotations

import base64
from typing import Any

from lib import curve

from . import strict_json
from .bundles import B64URL, CLASSES, MAX_INTEGER, b64url, public_key
from .strict_json import Invalid

FORBIDDEN = {"crit", "b64", "jwk", "jku", "x5u", "x5c"}
PROVENANCE = {
    "profile", "signer", "posture", "spiffe_id", "spiffe_trust_domain", "attestation_method", "attestation_id",
}  # fmt: skip


def _part(text: bytes) -> bytes:
    try:
        decoded = text.decode("ascii")
    except UnicodeDecodeError as problem:
        raise Invalid("not ASCII") from problem
    if not B64URL.fullmatch(decoded) or len(decoded) % 4 == 1:
        raise Invalid("not base64url")
    data = base64.urlsafe_b64decode(decoded + "=" * (-len(decoded) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text:
        raise Invalid("not canonical base64url")
    return data


def _text(claims: dict[str, Any], name: str, trimmed: bool = False) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or (trimmed and (found == "" or found != found.strip())):
        raise Invalid(f"{name}: {found!r}")
    return found


def _time(claims: dict[str, Any], name: str) -> int:
    found = claims.get(name)
    if type(found) is not int or not 0 <= found <= MAX_INTEGER:
        raise Invalid(f"{name}: {found!r}")
    return found


def _strings_only(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise Invalid("an object of strings")


def parse(token: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, the signed bytes and the signature."""
    if len(token) > 8192:
        raise Invalid("too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise Invalid("not three parts")
    header, claims = (strict_json.parse(_part(part), 8) for part in parts[:2])
    signature = _part(parts[2])
    if not isinstance(header, dict) or not isinstance(claims, dict) or len(signature) != 64:
        raise Invalid("not a passport")
    if header.get("alg") != "EdDSA" or header.get("typ") != "JWT":
        raise Invalid("another kind of token")
    if not isinstance(header.get("kid"), str):
        raise Invalid("no kid")
    if FORBIDDEN & set(header) or any(name.startswith("x5t") for name in header):
        raise Invalid("a refused header member")
    _claims(claims)
    return header, claims, parts[0] + b"." + parts[1], signature


def _claims(claims: dict[str, Any]) -> None:
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for text in strict_json.strings(claims) for letter in text):
        raise Invalid("a control character")
    for name in ("iss", "sub", "trust_domain"):
        _text(claims, name)
    if not 1 <= len(_text(claims, "jti", trimmed=True).encode()) <= 256:
        raise Invalid("jti")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        claims["aud"] = audience[0]
    _text(claims, "aud", trimmed=True)
    for name in ("iat", "exp", *(["nbf"] if "nbf" in claims else [])):
        _time(claims, name)
    confirmation = claims.get("cnf")
    if not isinstance(confirmation, dict):
        raise Invalid("cnf")
    _text(confirmation, "kid", trimmed=True)
    if _text(confirmation, "key_binding") not in CLASSES:
        raise Invalid("a class nobody defined")
    public_key(_text(confirmation, "public_key_b64url"))
    if "ctx" in claims:
        claims.setdefault("context", claims["ctx"])
    if "context" in claims:
        _strings_only(claims["context"])
    if "provenance" in claims:
        if not isinstance(claims["provenance"], dict):
            raise Invalid("provenance")
        rest = dict(claims["provenance"])
        _strings_only(rest.pop("peer", {}))
        _strings_only(rest)


def issuer_key(trust: dict[str, Any], issuer: str, kid: str, now: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The issuer and its key, where it is in force."""
    for candidate in trust["issuers"]:
        for key in candidate["keys"]:
            in_force = key.get("not_before", 0) <= now <= key.get("not_after", MAX_INTEGER)
            if in_force and (candidate["issuer"], key["kid"]) == (issuer, kid):
                return candidate, key
    return None


def signature_verifies(key: dict[str, Any], signed: bytes, signature: bytes) -> bool:
    return curve.verify_strict(b64url(key["public_key_b64url"], 32), signed, signature)
