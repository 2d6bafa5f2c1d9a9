"""Writes sdk.json: what the official Python SDK makes of fixed inputs.

Run with an interpreter that has trustplane-auth-sdk 0.2.3: python sdk.py > sdk.json
"""

import json
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trustplane_auth.passport import PassportOptions, issue_passport
from trustplane_auth.profile import SigningProfile
from trustplane_auth.protected_client import ProtectedClient

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime.fromtimestamp(1750000000, timezone.utc)


def sevens(count):
    return bytes([7]) * count


odd = issue_passport(
    PassportOptions(
        issuer='https://issuer.example/"q"\\ü',
        subject="service:ordérs/1",
        audience="orders-api",
        trust_domain="example.test",
        key_id="kid-1",
        private_key=KEY,
        now=NOW,
        random_bytes=sevens,
    )
)
client = ProtectedClient(
    SigningProfile.from_control(
        {
            "state": "active",
            "request_base_url": "https://auth.example.test:8443",
            "kid": "kid-1",
            "subject": "service:orders-caller",
            "trust_domain": "example.test",
            "issuer": "https://issuer.example.test",
            "route_id": "r",
            "route_match_type": "Exact",
            "route_path": "/orders/{id}",
            "method": "POST",
            "audience": "orders-api",
        }
    ),
    KEY,
    now=lambda: NOW,
    random_bytes=sevens,
)
request = client.prepare(
    "POST",
    "/orders/123?b=2&a=1",
    b'{"ok":true}',
    {"Accept": "application/json", "Content-Type": "application/json"},
)
print(
    json.dumps(
        {
            "odd_passport": odd.token,
            "client_passport": request.passport.token,
            "client_transcript_sha256": request.transcript_sha256,
            "client_proof": request.request.get_header("X-trustplane-proof"),
            "jti": odd.jti,
        },
        indent=2,
    )
)
