"""The official SDK's BrokerClient against a running broker: python sdk_client.py SOCKET.

Prints one JSON object; every transcript digest in it is also rebuilt with the SDK.
"""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from trustplane_auth.broker import (
    BrokerClient,
    BrokerRequestInput,
    broker_headers,
    build_broker_request,
)
from trustplane_auth.transcript import Header, RequestInput, build_request

client = BrokerClient(sys.argv[1], timeout=30.0)


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def prepare(method="GET", path="/orders/7", query="", body=b"", headers=(), **options):
    http = RequestInput(
        method=method,
        scheme="https",
        authority="orders.example",
        path=path,
        raw_query=query,
        audience="orders-api",
        route_id=options.pop("route_id", "orders.get"),
        body=body,
        headers=headers,
    )
    return http, build_broker_request(BrokerRequestInput(request=http, **options))


def check(http, prepared):
    """Issues, and verifies passport and proof with the SDK and an independent crypto library."""
    response = client.issue(prepared)
    headers = broker_headers(prepared, response)
    passport = response.artifacts["passport"]["value"]
    claims = json.loads(decode(passport.split(".")[1]))
    key = Ed25519PublicKey.from_public_bytes(decode(claims["cnf"]["public_key_b64url"]))
    signed, signature = passport.rsplit(".", 1)
    key.verify(decode(signature), signed.encode())
    nonce = prepared.request["http"]["nonce"]
    covered = [*http.headers, Header("X-TrustPlane-Nonce", nonce)]
    transcript = build_request(
        http,
        headers=covered,
        header_allow_list=prepared.request["http"]["headers"]["allow_list"],
        nonce=nonce,
        issued_at_unix=claims["iat"],
        passport_jti=claims["jti"],
        key_binding=claims["cnf"]["key_binding"],
    )
    assert transcript.transcript_sha256 == headers["X-TrustPlane-Transcript-SHA256"]
    key.verify(decode(headers["X-TrustPlane-Proof"]), bytes.fromhex(transcript.transcript_sha256))
    assert headers["Authorization"] == f"Bearer {passport}"
    return {"claims": claims, "response": response.__dict__, "request": prepared.request}


issued = [
    check(*prepare()),
    check(*prepare(query="b=2&a=1&a=10&q=x+y&tilde=%7E&empty=&%C3%A9=1")),
    check(
        *prepare(
            method="POST",
            path="/orders",
            body='{"amount":"42.00"}',
            headers=(Header("Content-Type", "application/json"), Header("X-Request-Kind", " spaced ")),
            context={"purpose": "create_order", "tool_name": "wörker"},
        )
    ),
    check(*prepare(requested_key_binding="attested_workload", allow_software_fallback=True)),
]
_, again = prepare()
with ThreadPoolExecutor(8) as pool:
    many = [pool.submit(lambda: check(*prepare())) for _ in range(200)]
    jtis = {future.result()["claims"]["jti"] for future in many}
print(
    json.dumps(
        {
            "issued": issued,
            "distinct_jtis": len(jtis),
            "denied_route": client.issue(prepare(route_id="orders.delete")[1]).__dict__,
            "denied_class": client.issue(prepare(requested_key_binding="hardware_local")[1]).__dict__,
            "first": client.issue(again).__dict__,
            "second": client.issue(again).__dict__,
        }
    )
)
