"""Profiles: the bundles patched and signed, inside one filter configuration."""

from __future__ import annotations

import copy
import json
from typing import Any

from . import keys
from .values import Clock, edit, value

IDS = ("api_id", "route_group_id", "route_id", "kid")
PROFILE_MEMBERS = {
    "comment",
    "fetched",
    "routes",
    "policy",
    "trust",
    "policy_key",
    "trust_key",
    "policy_after_signing",
    "trust_after_signing",
    "config",
    "config_text",
}


def canonical(document: Any) -> bytes:
    """RFC 8785 for documents without floats and with ASCII member names."""
    _check(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def _check(document: Any) -> None:
    if isinstance(document, dict):
        for name, item in document.items():
            assert name.isascii(), f"member name {name!r} would sort differently in UTF-16"
            _check(item)
    elif isinstance(document, list):
        for item in document:
            _check(item)
    else:
        assert not isinstance(document, float), "no floats in bundles"


def sign(document: dict[str, Any], key_name: str) -> dict[str, Any]:
    """Adds the `ed25519-jcs-v1` signature, or none for the key name `none`."""
    if key_name == "none":
        return document | {
            "signed_by": {
                "issuer": "local://trustplane.bundle.build",
                "kid": "unsigned-skeleton",
                "alg": "none",
            },
            "signature": {
                "format": "unsigned-skeleton",
                "value": "local-build-placeholder-not-a-production-signature",
            },
        }
    signature = keys.key(key_name).sign(canonical(document))
    return document | {"signature": {"format": "ed25519-jcs-v1", "value": keys.b64url(signature)}}


def patch(document: Any, operations: list[dict[str, Any]], clock: Clock) -> Any:
    """`{"set": [pointer, v]}`, `{"append": [pointer, v]}`, `{"remove": pointer}`.

    Pointers are RFC 6901; in an array a token may also be the id of an element.
    """
    document = copy.deepcopy(document)
    for operation in operations:
        (name, argument), *more = operation.items()
        assert not more, f"one operation at a time: {operation}"
        pointer = argument if name == "remove" else argument[0]
        *parents, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
        target = document
        for token in parents:
            target = target[_index(target, token)]
        place = _index(target, last)
        match name:
            case "set":
                target[place] = value(argument[1], clock)
            case "append":
                target[place].append(value(argument[1], clock))
            case "remove":
                del target[place]
            case _:
                raise ValueError(f"no such operation: {name}")
    return document


def _index(target: Any, token: str) -> Any:
    if isinstance(target, dict):
        return token
    if token.isdigit():
        return int(token)
    found = [i for i, item in enumerate(target) if token in (item.get(name) for name in IDS)]
    assert len(found) == 1, f"{token} names {len(found)} elements"
    return found[0]


def _only(policy: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    """The policy with these routes alone, to keep a configuration small."""
    policy = copy.deepcopy(policy)
    kept = []
    for group in policy["route_groups"]:
        group["routes"] = [route for route in group["routes"] if route["route_id"] in wanted]
        kept += [route["route_id"] for route in group["routes"]]
    assert sorted(kept) == sorted(wanted), f"no such route among {wanted}"
    policy["route_groups"] = [group for group in policy["route_groups"] if group["routes"]]
    groups = {group["route_group_id"] for group in policy["route_groups"]}
    policy["scopes"] = [scope for scope in policy["scopes"] if scope["route_group_id"] in groups]
    return policy


def configuration(profile: dict[str, Any], documents: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """What a host is given: the exact text of the configuration, and when it came."""
    unknown = set(profile) - PROFILE_MEMBERS
    assert not unknown, f"unknown members {unknown}"
    policy = value(documents["policy"], clock)
    if "routes" in profile:
        policy = _only(policy, profile["routes"])
    signed = {}
    for name, document in (("policy", policy), ("trust", value(documents["trust"], clock))):
        document = patch(document, profile.get(name, []), clock)
        document = sign(document, profile.get(f"{name}_key", f"{name}-signer"))
        signed[name] = patch(document, profile.get(f"{name}_after_signing", []), clock)
    config = {
        "policy_bundle": signed["policy"],
        "trust_bundle": signed["trust"],
        **value(documents["config"], clock),
    }
    config = patch(config, profile.get("config", []), clock)
    text = json.dumps(config, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text = edit(text, profile.get("config_text", []), clock)
    return {
        "comment": profile["comment"],
        "fetched_at": value(profile["fetched"], clock),
        "config": text.decode("utf-8"),
    }
