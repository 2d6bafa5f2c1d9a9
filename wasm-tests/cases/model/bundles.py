"""Sections 4 and 0 of the order: a configuration is sound as a whole, or nothing is served."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import Any

from lib import curve

from . import strict_json
from .strict_json import Invalid

CLASSES = {"software": 10, "remote_kms": 20, "hardware_local": 30, "attested_workload": 40}
B64URL = re.compile(r"[A-Za-z0-9_-]*")
MAX_INTEGER = 2**53

TEXT, NUMBER, FREE = str, int, object
SOURCE = {
    "source_type": TEXT, "issuer": TEXT, "trust_domain": TEXT, "subject_exact": TEXT,
    "subject_prefix": TEXT, "required_key_binding": TEXT,
    "provenance_policy": FREE, "context_policy": FREE,
}  # fmt: skip
ROUTE = {
    "route_id": TEXT, "method": TEXT, "path_template": TEXT, "risk": TEXT,
    "required_key_binding": TEXT, "allowed_sources": [SOURCE], "freshness_class": TEXT,
    "max_staleness_seconds": NUMBER, "audience": TEXT, "match_type": TEXT, "query_form": TEXT,
    "body_mode": TEXT, "max_body_bytes": NUMBER,
}  # fmt: skip
SIGNED = {
    "version": TEXT, "kind": TEXT, "issued_at": NUMBER,
    "revocations": [{"type": TEXT, "value": TEXT, "issuer": TEXT, "revoked_at": NUMBER, "reason": TEXT}],
    "signed_by": {"issuer": TEXT, "kid": TEXT, "alg": TEXT},
    "signature": {"format": TEXT, "value": TEXT},
}  # fmt: skip
POLICY = SIGNED | {
    "contract_metadata": FREE, "policy_id": TEXT, "policy_version": TEXT, "trust_domain": TEXT,
    "apis": [{"api_id": TEXT, "audience": TEXT, "base_url": TEXT}],
    "route_groups": [{"route_group_id": TEXT, "api_id": TEXT, "routes": [ROUTE]}],
    "scopes": [{"scope": TEXT, "route_group_id": TEXT}], "provenance_policy": FREE,
    "default_required_key_binding": TEXT, "default_freshness_class": TEXT,
    "default_max_staleness_seconds": NUMBER, "default_query_form": TEXT,
    "default_body_mode": TEXT, "default_max_body_bytes": NUMBER,
    "revocation_feed": {"freshness_class": TEXT},
}  # fmt: skip
TRUST = SIGNED | {
    "issuers": [
        {
            "issuer": TEXT, "trust_domain": TEXT,
            "keys": [
                {
                    "kid": TEXT, "alg": TEXT, "public_key_b64url": TEXT, "max_key_binding": TEXT,
                    "status": TEXT, "not_before": NUMBER, "not_after": NUMBER,
                }
            ],
        }
    ],
}  # fmt: skip
CONFIG = {
    "policy_bundle": FREE, "trust_bundle": FREE, "policy_bundle_signature_public_key": TEXT,
    "trust_bundle_signature_public_key": TEXT, "allow_unsigned_dev_bundles": bool, "scheme": TEXT,
    "authority": TEXT, "hold": TEXT, "max_body_bytes": NUMBER, "skew_seconds": NUMBER,
    "max_ttl_seconds": NUMBER, "realtime_window_seconds": NUMBER,
    "covered_headers": {"required": [TEXT], "exempt": [TEXT], "uncovered": TEXT},
    "replay": {
        "store": TEXT, "cold_margin_seconds": NUMBER, "bucket_bytes": NUMBER,
        "multi_replica": bool, "replicas": NUMBER,
    },
    "forward_credentials": bool, "audit": bool,
}  # fmt: skip
CHOICES = {
    "required_key_binding": set(CLASSES), "default_required_key_binding": set(CLASSES),
    "max_key_binding": set(CLASSES), "status": {"active", "revoked"},
    "query_form": {"strict", "unambiguous", "compat"}, "default_query_form": {"strict", "unambiguous", "compat"},
    "body_mode": {"hashed", "none", "claimed"}, "default_body_mode": {"hashed", "none", "claimed"},
    "match_type": {"Exact", "PathPrefix"}, "hold": {"stop_iteration", "trailing_buffer"},
    "uncovered": {"refuse", "remove"}, "store": {"shared_data", "callout"},
}  # fmt: skip


def check(value: Any, shape: Any) -> None:
    """Only known members, each of its kind."""
    if shape is FREE:
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict) or set(value) - set(shape):
            raise Invalid(f"not of this shape: {value!r}")
        for name, item in value.items():
            check(item, shape[name])
            if name in CHOICES and item not in CHOICES[name]:
                raise Invalid(f"{name}: {item!r}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Invalid("not an array")
        for item in value:
            check(item, shape[0])
    elif type(value) is not shape or (shape is int and not 0 <= value <= MAX_INTEGER):
        raise Invalid(f"not a {shape}: {value!r}")


def b64url(text: str, size: int) -> bytes:
    """Canonical unpadded base64url of exactly this many bytes."""
    if not B64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Invalid("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(data) != size or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Invalid("not canonical base64url of this size")
    return data


def public_key(text: str) -> bytes:
    data = b64url(text, 32)
    if not curve.is_strict_key(data):
        raise Invalid("not a key we accept")
    return data


def _integers(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _integers(item)
    elif isinstance(value, list):
        for item in value:
            _integers(item)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise Invalid("an integer beyond 2^53")


def _signed(document: Any, shape: Any, version: str, kind: str, pin: str | None, unsigned: bool) -> Any:
    check(document, shape)
    _integers(document)
    if document.get("version") != version or document.get("kind") != kind:
        raise Invalid("another document")
    signed_by, signature = document.get("signed_by"), document.get("signature")
    if signed_by is None or signature is None:
        raise Invalid("not signed")
    if signed_by["alg"] == "none" and unsigned:
        return document
    if signed_by["alg"] != "EdDSA" or signature["format"] != "ed25519-jcs-v1" or pin is None:
        raise Invalid("not signed in a way we accept")
    rest = {name: item for name, item in document.items() if name != "signature"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if not curve.verify_strict(public_key(pin), text.encode(), b64url(signature["value"], 64)):
        raise Invalid("the signature does not verify")
    return document


@cache
def load(text: str) -> dict[str, Any]:
    """The configuration, or `Invalid`."""
    config: dict[str, Any] = strict_json.parse(text.encode("utf-8"), 34)
    check(config, CONFIG)
    if config["replay"]["multi_replica"] or config["replay"]["replicas"] > 1:
        raise Invalid("a per-process store for several replicas")
    unsigned = config.get("allow_unsigned_dev_bundles", False)
    if "trust_bundle" not in config:
        raise Invalid("no trust bundle")
    trust = _signed(
        config["trust_bundle"], TRUST, "trustplane-trust-material-bundle-v1",
        "trust_material_bundle", config.get("trust_bundle_signature_public_key"), unsigned,
    )  # fmt: skip
    for issuer in trust["issuers"]:
        for key in issuer["keys"]:
            if key["alg"] != "EdDSA":
                raise Invalid("another algorithm")
            public_key(key["public_key_b64url"])
    if "policy_bundle" in config:
        policy = _signed(
            config["policy_bundle"], POLICY, "trustplane-bundle-v1", "policy_runtime_bundle",
            config.get("policy_bundle_signature_public_key"), unsigned,
        )  # fmt: skip
        for group in policy["route_groups"]:
            for rule in (rule for route in group["routes"] for rule in route["allowed_sources"]):
                if ("subject_exact" in rule) == ("subject_prefix" in rule):
                    raise Invalid("one selector, not more or fewer")
                if not rule.get("subject_prefix", ":").endswith((":", "/")):
                    raise Invalid("a prefix that admits its neighbours")
    return config
