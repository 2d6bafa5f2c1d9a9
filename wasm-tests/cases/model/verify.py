"""Section 5: the one order of checks."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lib import curve

from . import bundles, covered, passport, policy, request
from .covered import NONCE, Headers
from .strict_json import Invalid

STORE = {
    "fresh": "request_allowed",
    "replayed": "jti_replay",
    "unavailable": "replay_store_unavailable",
    "full": "replay_store_full",
    "cold": "replay_store_cold",
}
HEX = re.compile(rb"[0-9a-f]{64}")
SINGLE = ("x-trustplane-transcript-sha256", "x-trustplane-proof", NONCE, "x-trustplane-body-sha256")


@dataclass
class Request:
    """A request as bytes."""

    tls: bool
    method: bytes
    target: bytes
    authority: bytes
    headers: Headers
    body: bytes
    trailers: Headers
    store: str


@dataclass
class Verdict:
    """The reason, and what was rebuilt on the way to it."""

    reason: str
    transcript_sha256: str | None = None
    claims: dict[str, Any] | None = None
    rest_removed: bool = False


def judge(config_text: str, fetched_at: int, asked: Request, now: int) -> Verdict:
    """Every check in its order; the first that fails speaks."""
    try:
        config = bundles.load(config_text)
    except Invalid:
        return Verdict("verifier_unavailable")
    if "policy_bundle" not in config:
        return Verdict("bundle_policy_missing")
    settings = config["covered_headers"]

    token = _credentials(asked)
    if token in (b"missing_passport", b"invalid_request"):
        return Verdict(token.decode())
    path, mark, query = asked.target.partition(b"?")
    if not (
        request.method_is_canonical(asked.method)
        and request.path_is_canonical(path)
        and request.authority_is_canonical(asked.authority)
    ):
        return Verdict("request_not_canonical")

    rules = config["policy_bundle"]
    found = policy.match(rules, asked.method.decode(), path.decode())
    if found is None:
        return Verdict("bundle_route_missing")
    route, api = found
    form = route.get("query_form", rules.get("default_query_form", "unambiguous"))
    if not request.query_is_in_form(query if mark else None, form):
        return Verdict("request_not_canonical")
    stale = policy.freshness(config, route, fetched_at, now)
    if stale:
        return Verdict(stale)

    try:
        header, claims, signed, signature = passport.parse(token)
    except Invalid:
        return Verdict("invalid_passport")
    held = passport.issuer_key(config["trust_bundle"], claims["iss"], header["kid"], now)
    if held is None:
        return Verdict("unknown_issuer_key")
    issuer, key = held
    if not passport.signature_verifies(key, signed, signature):
        return Verdict("invalid_passport_signature")

    audience = route.get("audience", api["audience"])
    reason = _times(config, claims, now)
    if reason is None and claims["aud"] != audience:
        reason = "audience_mismatch"
    if reason is None and claims["trust_domain"] != issuer["trust_domain"]:
        reason = "trust_domain_mismatch"
    reason = reason or policy.source(rules, route, claims, key)
    if reason is None and policy.revoked(config, claims, header["kid"], key, now):
        reason = "passport_revoked"
    if reason:
        return Verdict(reason, claims=claims)

    lines = _lines(config, asked, route, api, claims, path, query)
    claimed = asked_value(asked, "x-trustplane-transcript-sha256").decode()
    verdict = Verdict("request_binding_mismatch", claims=claims)
    for names, rest in covered.candidates(asked.headers, settings, lines["body_sha256"]):
        digest = hashlib.sha256(_text(lines, asked.headers, names)).digest()
        if digest.hex() == claimed:
            if covered.repeated(asked.headers, names):
                return Verdict("invalid_request", claims=claims)
            verdict = Verdict("", claimed, claims, rest == covered.REMOVED)
            break
    else:
        return verdict
    proof = bundles.b64url(asked_value(asked, "x-trustplane-proof").decode(), 64)
    public = bundles.public_key(claims["cnf"]["public_key_b64url"])
    if not curve.verify_strict(public, digest, proof):
        verdict.reason, verdict.transcript_sha256 = "invalid_request_proof", None
        return verdict
    verdict.reason = _body(config, asked, route, lines["body_sha256"]) or STORE[asked.store]
    return verdict


def asked_value(asked: Request, name: str) -> bytes:
    value = covered.first(asked.headers, name)
    assert value is not None
    return value


def _credentials(asked: Request) -> bytes:
    """The token, or the reason for its absence."""
    fault = b"invalid_request"
    authorization = [value for name, value in asked.headers if name == "authorization"]
    if not authorization:
        return b"missing_passport"
    if len(authorization) > 1:
        return fault
    scheme, _, token = authorization[0].partition(b" ")
    if scheme.lower() != b"bearer":
        return b"missing_passport"
    if token == b"" or not token.isascii() or b" " in token or b"," in token:
        return fault
    names = [name for name, _ in asked.headers]
    if any(names.count(name) != 1 for name in SINGLE):
        return fault
    if names.count("x-trustplane-signed-headers") > 1 or names.count("content-encoding") > 1:
        return fault
    for name in ("x-trustplane-transcript-sha256", "x-trustplane-body-sha256"):
        if not HEX.fullmatch(asked_value(asked, name)):
            return fault
    if not re.fullmatch(rb"[\x21-\x7e]{1,256}", asked_value(asked, NONCE)):
        return fault
    try:
        bundles.b64url(asked_value(asked, "x-trustplane-proof").decode("ascii"), 64)
    except (Invalid, UnicodeDecodeError):
        return fault
    return token


def _times(config: dict[str, Any], claims: dict[str, Any], now: int) -> str | None:
    skew = config["skew_seconds"]
    if now >= claims["exp"] + skew:
        return "passport_expired"
    if max(claims["iat"], claims.get("nbf", 0)) > now + skew:
        return "passport_not_yet_valid"
    if not 0 < claims["exp"] - claims["iat"] <= config["max_ttl_seconds"]:
        return "passport_ttl_exceeded"
    return None


def _lines(
    config: dict[str, Any],
    asked: Request,
    route: dict[str, Any],
    api: dict[str, Any],
    claims: dict[str, Any],
    path: bytes,
    query: bytes,
) -> dict[str, str]:
    """The lines of the transcript but for the headers'."""
    authority = asked.authority.decode("utf-8").lower()
    scheme = config.get("scheme", "https" if asked.tls else "http")
    if "base_url" in api:
        base = urlsplit(api["base_url"])
        scheme = base.scheme
        hosts = {authority, base.netloc}
        if len(hosts) == 2 and {host.split(":")[0] for host in hosts} == {base.hostname}:
            authority = base.netloc if sum(":" in host for host in hosts) == 1 else authority
    authority = config.get("authority", authority)
    encoding = covered.first(asked.headers, "content-encoding")
    normal = request.normalise(query).decode("ascii")
    query_sha256 = hashlib.sha256(normal.encode()).hexdigest()
    return {
        "version": "trustplane-transcript-v1",
        "method": asked.method.decode(),
        "scheme": scheme,
        "authority": authority,
        "path": path.decode(),
        "audience": route.get("audience", api["audience"]),
        "route_id": route["route_id"],
        "content_encoding": encoding.decode("latin-1").lower() if encoding else "identity",
        "query_normalization.algorithm": "rfc3986-sort-keys-values",
        "query_normalization.normalized": normal,
        "query_normalization.sha256": query_sha256,
        "query_sha256": query_sha256,
        "headers.allow_list": "",
        "headers.selected": "",
        "body_sha256": asked_value(asked, "x-trustplane-body-sha256").decode(),
        "passport_jti": claims["jti"],
        "nonce": asked_value(asked, NONCE).decode(),
        "issued_at": str(claims["iat"]),
        "time_bucket": str(claims["iat"] // 20),
        "key_binding": claims["cnf"]["key_binding"],
    }


def _text(lines: dict[str, str], headers: Headers, names: list[str]) -> bytes:
    selected = []
    for name in names:
        value = covered.first(headers, name)
        assert value is not None
        selected.append(f"{name}:{hashlib.sha256(value).hexdigest()}")
    lines = lines | {"headers.allow_list": ",".join(names), "headers.selected": ",".join(selected)}
    return "\n".join(f"{name}={value}" for name, value in lines.items()).encode("utf-8")


def _body(config: dict[str, Any], asked: Request, route: dict[str, Any], claimed: str) -> str | None:
    rules = config["policy_bundle"]
    mode = route.get("body_mode", rules.get("default_body_mode", "hashed"))
    limit = route.get("max_body_bytes", rules.get("default_max_body_bytes", config["max_body_bytes"]))
    if mode == "claimed":
        return None
    if mode == "none" and asked.body:
        return "request_not_canonical"
    if len(asked.body) > limit:
        return "body_too_large"
    if hashlib.sha256(asked.body).hexdigest() != claimed:
        return "request_binding_mismatch"
    return "request_not_canonical" if asked.trailers else None
