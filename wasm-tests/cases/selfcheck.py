#!/usr/bin/env python3
"""Judges every case of a materialised document with the model and with the official SDK.

    selfcheck.py [FILE]

Three things must agree: the verdict the recipe states, the verdict the model reaches from the
request's bytes alone, and, for every request that the proof covers, `cryptography`'s verdict on both
signatures and the SDK's digest.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lib import keys
from lib.recipe import ROOT
from lib.values import from_json
from model import covered, verify
from model.verify import Request


def request(case: dict[str, Any]) -> Request:
    """The request's bytes."""
    return Request(
        tls=case["tls"],
        method=from_json(case["method"]),
        target=from_json(case["target"]),
        authority=from_json(case["authority"]),
        headers=[(name, from_json(value)) for name, value in case["headers"]],
        body=b"".join(from_json(chunk) for chunk in case["body_chunks"]),
        trailers=[(name, from_json(value)) for name, value in case["trailers"]],
        store=case["store"],
    )


def signatures(asked: Request, digest: str) -> list[str]:
    """What OpenSSL says of the passport and of the proof over this digest."""
    held = dict(asked.headers)
    token = held["authorization"].partition(b" ")[2].decode()
    unsigned, _, signature = token.rpartition(".")
    claims = json.loads(keys.b64url_decode(unsigned.partition(".")[2]))
    proof_key = keys.b64url_decode(claims["cnf"]["public_key_b64url"])
    proof = keys.b64url_decode(held["x-trustplane-proof"].decode())
    problems = []
    if not any(
        _verifies(keys.b64url_decode(public["public_key_b64url"]), unsigned.encode(), signature)
        for public in keys.used().values()
    ):
        problems.append("no key in use made the passport's signature")
    try:
        Ed25519PublicKey.from_public_bytes(proof_key).verify(proof, bytes.fromhex(digest))
    except InvalidSignature:
        problems.append("the proof does not verify")
    return problems


def _verifies(public: bytes, message: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(keys.b64url_decode(signature), message)
    except InvalidSignature:
        return False
    return True


def check(case: dict[str, Any], profile: dict[str, Any]) -> list[str]:
    """Every way in which the case contradicts itself."""
    expect, asked = case["expect"], request(case)
    verdict = verify.judge(profile["config"], profile["fetched_at"], asked, case["now"])
    problems = []
    if verdict.reason != expect["reason"]:
        problems.append(f"expects {expect['reason']}, the model says {verdict.reason}")
    digest = expect["transcript_sha256"]
    if digest != verdict.transcript_sha256:
        problems.append(f"expects digest {digest}, the model says {verdict.transcript_sha256}")
    if (expect["claims"] is None) != (verdict.claims is None):
        problems.append("claims are expected before the signature verified, or not after it")
    if expect["decision"] == "allow":
        problems += signatures(asked, digest)
        problems += upstream(expect["upstream"], verdict, asked, profile)
    return problems


def upstream(expect: dict[str, Any], verdict: verify.Verdict, asked: Request, profile: dict[str, Any]) -> list[str]:
    """What must be gone behind the verifier."""
    config = json.loads(profile["config"])
    present = {name for name, _ in asked.headers}
    gone: set[str] = set()
    if not config["forward_credentials"]:
        gone = {name for name in present if name in verify.SINGLE}
        gone |= present & {"authorization", "x-trustplane-signed-headers"}
    if verdict.rest_removed:
        settings = config["covered_headers"]
        rest = present - set(settings["required"]) - covered.EXEMPT - set(settings["exempt"])
        gone |= rest - {"x-trustplane-nonce"}
    return [] if gone == set(expect["absent"]) else [f"upstream: the model removes {sorted(gone)}"]


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "materialised.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for name in document["keys"]:
        keys.key(name)
    reasons: Counter[str] = Counter()
    failed = 0
    for case in document["cases"]:
        problems = check(case, document["profiles"][case["profile"]])
        failed += bool(problems)
        reasons[case["expect"]["reason"]] += 1
        for problem in problems:
            print(f"{case['topic']}/{case['name']}: {problem}", file=sys.stderr)
    for reason, count in reasons.most_common():
        print(f"{count:5} {reason}")
    print(f"{len(document['cases']) - failed} passed, {failed} failed")
    return 1 if failed or len(document["cases"]) != document["count"] else 0


if __name__ == "__main__":
    sys.exit(main())
