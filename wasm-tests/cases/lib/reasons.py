"""The reason codes of a verifier: the row of the order of checks each stands in, and its status."""

from __future__ import annotations

from typing import Final

STAGES: Final[dict[str, tuple[int, int]]] = {
    "verifier_unavailable": (0, 503),
    "bundle_policy_missing": (1, 403),
    "missing_passport": (2, 401),
    "invalid_request": (2, 403),
    "request_not_canonical": (2, 403),
    "bundle_route_missing": (3, 403),
    "stale_bundle_fail_closed": (4, 403),
    "bundle_freshness_unknown": (4, 403),
    "invalid_passport": (5, 401),
    "unknown_issuer_key": (5, 401),
    "invalid_passport_signature": (5, 401),
    "passport_expired": (6, 401),
    "passport_not_yet_valid": (6, 401),
    "passport_ttl_exceeded": (6, 401),
    "audience_mismatch": (7, 403),
    "trust_domain_mismatch": (7, 403),
    "source_issuer_mismatch": (8, 403),
    "source_trust_domain_mismatch": (8, 403),
    "source_subject_mismatch": (8, 403),
    "insufficient_key_binding": (8, 403),
    "missing_provenance": (9, 403),
    "provenance_mismatch": (9, 403),
    "missing_context": (9, 403),
    "context_mismatch": (9, 403),
    "passport_revoked": (10, 403),
    "request_binding_mismatch": (11, 403),
    "invalid_request_proof": (11, 403),
    "body_too_large": (12, 413),
    "jti_replay": (13, 403),
    "replay_store_unavailable": (13, 503),
    "replay_store_full": (13, 503),
    "replay_store_cold": (13, 503),
    "request_allowed": (14, 200),
}
"""Code to (row, status). Three codes stand in later rows too: `invalid_request` for a covered header
that repeats, `request_not_canonical` and `request_binding_mismatch` for the body. There a recipe
says its `row`."""

SIGNATURE_CHECKED: Final = 6
"""From this row on the passport's signature verified, so its claims may enter an audit event."""

PROOF_ACCEPTED: Final = 12
"""From this row on the proof verified, so an event may tell the digest it covers."""
