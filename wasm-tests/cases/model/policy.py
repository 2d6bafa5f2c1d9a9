"""Sections 4 and 5: routes, freshness, sources, provenance, context, revocation."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from .bundles import CLASSES

REVOCATIONS = {"jti", "kid", "subject", "issuer", "source"}
DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
Route = tuple[dict[str, Any], dict[str, Any]]


def match(policy: dict[str, Any], method: str, path: str) -> Route | None:
    """The route and its API: exact, then template, then prefix; then the longest literal prefix."""
    apis = {api["api_id"]: api for api in policy["apis"]}
    best: tuple[tuple[int, int], Route] | None = None
    for group in policy["route_groups"]:
        for route in group["routes"]:
            rank = _rank(route, path) if route["method"] == method else None
            if rank is not None and (best is None or rank > best[0]):
                best = (rank, (route, apis[group["api_id"]]))
    return best[1] if best else None


def _rank(route: dict[str, Any], path: str) -> tuple[int, int] | None:
    template = route["path_template"]
    literal = len(template.split("{")[0])
    if route.get("match_type") == "PathPrefix":
        below = template if template.endswith("/") else template + "/"
        return (0, literal) if path == template or path.startswith(below) else None
    if "{" not in template:
        return (2, literal) if path == template else None
    wanted, found = template.split("/"), path.split("/")
    if len(wanted) == len(found) and all(
        (text != "" if segment.startswith("{") else text == segment)
        for segment, text in zip(wanted, found, strict=True)
    ):
        return (1, literal)
    return None


def freshness(config: dict[str, Any], route: dict[str, Any], fetched_at: int, now: int) -> str | None:
    policy, trust = config["policy_bundle"], config["trust_bundle"]
    kind = route.get("freshness_class", policy.get("default_freshness_class", ""))
    if kind in ("offline-ok", "offline_ok"):
        return None
    if kind not in ("realtime", "bounded"):
        return "bundle_freshness_unknown"
    maximum = config["realtime_window_seconds"]
    times = [fetched_at]
    if kind == "bounded":
        maximum = route.get("max_staleness_seconds", policy.get("default_max_staleness_seconds", 0))
        times = [document.get("issued_at", fetched_at) for document in (policy, trust)]
    unknown = any(entry["type"] not in REVOCATIONS for entry in _revocations(config))
    stale = unknown or maximum <= 0 or now - min(times) > maximum
    return "stale_bundle_fail_closed" if stale or max(times) > now + config["skew_seconds"] else None


def source(policy: dict[str, Any], route: dict[str, Any], claims: dict[str, Any], key: dict[str, Any]) -> str | None:
    """None where one rule accepts, else the reason of the one that came furthest."""
    best = (-1, "source_issuer_mismatch")
    for rule in route["allowed_sources"]:
        failed = _rule(policy, route, rule, claims, key)
        if failed is None:
            return None
        best = max(best, failed, key=lambda found: found[0])
    return best[1]


def _rule(
    policy: dict[str, Any],
    route: dict[str, Any],
    rule: dict[str, Any],
    claims: dict[str, Any],
    key: dict[str, Any],
) -> tuple[int, str] | None:
    if rule["issuer"] != claims["iss"]:
        return 0, "source_issuer_mismatch"
    if rule["trust_domain"] != claims["trust_domain"]:
        return 1, "source_trust_domain_mismatch"
    prefix = rule.get("subject_prefix")
    if claims["sub"] != rule.get("subject_exact") if prefix is None else not claims["sub"].startswith(prefix):
        return 2, "source_subject_mismatch"
    held = CLASSES[claims["cnf"]["key_binding"]]
    default = policy.get("default_required_key_binding", "software")
    wanted = max(CLASSES[route.get("required_key_binding", default)], CLASSES[rule["required_key_binding"]])
    if held < wanted or held > CLASSES[key.get("max_key_binding", "software")]:
        return 3, "insufficient_key_binding"
    for wanted_provenance in (policy.get("provenance_policy"), rule.get("provenance_policy")):
        failed = _provenance(wanted_provenance, claims.get("provenance"))
        if failed:
            return 4, failed
    failed = _context(rule.get("context_policy"), claims.get("context"))
    return (5, failed) if failed else None


def _provenance(wanted: dict[str, str] | None, held: dict[str, Any] | None) -> str | None:
    if not wanted:
        return None
    names = [name.removeprefix("required_") for name in wanted]
    if held is None or not set(names) <= set(held):
        return "missing_provenance"
    met = all(held.get(name.removeprefix("required_")) == text for name, text in wanted.items())
    return None if met else "provenance_mismatch"


def _context(wanted: dict[str, str] | None, held: dict[str, str] | None) -> str | None:
    if not wanted:
        return None
    names = [name.removeprefix("required_") for name in wanted]
    if held is None or not set(names) <= set(held):
        return "missing_context"
    for name, text in wanted.items():
        field = name.removeprefix("required_")
        value = held[field]
        if field != "max_txn_value":
            met = value == text
        elif not DECIMAL.fullmatch(value):
            met = False
        else:
            met = Decimal(value) <= Decimal(text)
        if not met:
            return "context_mismatch"
    return None


def _revocations(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *config["policy_bundle"].get("revocations", []),
        *config["trust_bundle"].get("revocations", []),
    ]


def revoked(config: dict[str, Any], claims: dict[str, Any], kid: str, key: dict[str, Any], now: int) -> bool:
    held = {"jti": claims["jti"], "kid": kid, "subject": claims["sub"], "issuer": claims["iss"]}
    for entry in _revocations(config):
        if entry.get("issuer", claims["iss"]) != claims["iss"]:
            continue
        if entry["revoked_at"] > now + config["skew_seconds"]:
            continue
        value = entry["value"]
        if entry["type"] == "source":
            hit = claims["sub"].startswith(value) if value.endswith((":", "/")) else claims["sub"] == value
        else:
            hit = held.get(entry["type"]) == value
        if hit:
            return True
    return key.get("status") == "revoked"
