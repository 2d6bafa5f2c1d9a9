"""The official SDK as the caller: its requests pass unchanged, once each.

    protected_client.py LINE        LINE is what `trustplane up --json` printed

Prints one line of JSON for each case: {"case", "found"}; what is found is what went wrong.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from trustplane_auth import ProtectedClient, SigningProfile, private_key_from_base64url

PARALLEL = 16
CREDENTIALS = (
    "authorization",
    "x-trustplane-proof",
    "x-trustplane-nonce",
    "x-trustplane-transcript-sha256",
    "x-trustplane-body-sha256",
)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes

    def reason(self) -> str:
        return "" if self.status == 200 else json.loads(self.body)["reason"]


def send(request: Request) -> Reply:
    """Sends a prepared request as the SDK would."""
    try:
        with urlopen(request, timeout=30) as response:
            return Reply(response.status, response.read())
    except HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, refusal.read())


def twice(client: ProtectedClient, method: str, target: str, body: bytes, headers: dict[str, str]) -> list[str]:
    """Prepares one request, presents it twice, and says what went wrong."""
    prepared = client.prepare(method, target, body, headers)
    first, second = send(prepared.request), send(prepared.request)
    found = accepted(client, first, method, target, body, headers)
    if (second.status, second.body) != (403, b'{"allowed":false,"reason":"jti_replay"}'):
        found.append(f"the second time: {second}")
    return found


def accepted(
    client: ProtectedClient, reply: Reply, method: str, target: str, body: bytes, headers: dict[str, str]
) -> list[str]:
    """What is wrong with what the upstream saw; it echoes that."""
    if reply.status != 200:
        return [f"expected 200, got {reply}"]
    seen = json.loads(reply.body)
    held: dict[str, list[str]] = {}
    for name, value in seen["headers"]:
        held.setdefault(name.lower(), []).append(value)
    profile = client.profile
    told = {
        "x-trustplane-subject": profile.subject,
        "x-trustplane-issuer": profile.issuer,
        "x-trustplane-trust-domain": profile.trust_domain,
        "x-trustplane-key-binding": "software",
        "x-trustplane-route-id": profile.route_id,
        **{name.lower(): value for name, value in headers.items()},
    }
    found = [
        f"upstream {name}: expected {value!r} once, got {held.get(name)}"
        for name, value in told.items()
        if held.get(name) != [value]
    ]
    found += [f"upstream {name}: expected none" for name in CREDENTIALS if name in held]
    if len(held.get("x-trustplane-jti", [])) != 1:
        found.append(f"upstream x-trustplane-jti: {held.get('x-trustplane-jti')}")
    if (seen["method"], seen["path"], seen["body"]) != (method, target, body.decode()):
        found.append(f"the upstream saw {seen['method']} {seen['path']} {seen['body']!r}")
    return found


def parallel_calls(client: ProtectedClient) -> list[str]:
    """As many calls at once, each with a passport of its own: all pass."""

    def call(index: int) -> Reply:
        return send(client.prepare("GET", f"/orders/{index}?parallel={index}").request)

    with ThreadPoolExecutor(PARALLEL) as pool:
        reasons = Counter(reply.reason() for reply in pool.map(call, range(PARALLEL)))
    return [] if reasons == {"": PARALLEL} else [f"{dict(reasons)}"]


def parallel_presentations(client: ProtectedClient) -> list[str]:
    """One prepared request as many times at once: exactly one passes."""
    prepared = client.prepare("GET", "/orders/7?parallel=same").request
    with ThreadPoolExecutor(PARALLEL) as pool:
        reasons = Counter(reply.reason() for reply in pool.map(send, [prepared] * PARALLEL))
    return [] if reasons == {"": 1, "jti_replay": PARALLEL - 1} else [f"{dict(reasons)}"]


def through_request(client: ProtectedClient) -> list[str]:
    """The client's own `request`, as its users call it."""
    response = client.request("GET", "/orders/7?limit=10&sort=desc", headers={"Accept": "application/json"})
    assert isinstance(response, http.client.HTTPResponse)
    with response:
        reply = Reply(response.status, response.read())
    return accepted(client, reply, "GET", "/orders/7?limit=10&sort=desc", b"", {"Accept": "application/json"})


def main() -> int:
    site = json.loads(sys.argv[1])
    with open(site["private_key_path"], encoding="ascii") as file:
        key = private_key_from_base64url(file.read().strip())

    def client(name: str) -> ProtectedClient:
        with open(site[name], encoding="utf-8") as file:
            return ProtectedClient(SigningProfile.from_control(json.load(file)), key)

    get, post = client("profile_path"), client("post_profile_path")
    order = b'{"order":"7","amount":"42.00"}'
    content_type = {"Content-Type": "application/json"}
    extra = {
        "Accept": "application/json",
        "X-Tenant": "acme",
        "X-Empty": "",
        "User-Agent": "orders-client/1.0",
        "Accept-Language": "de, en;q=0.5",
        "Cookie": "a=1; b=2",
        "If-None-Match": '"abc"',
    }
    cases = {
        "get": lambda: twice(get, "GET", "/orders/7", b"", {}),
        "get with query": lambda: twice(get, "GET", "/orders/7?limit=10&sort=desc", b"", {}),
        "get with repeated keys and escapes": lambda: twice(get, "GET", "/orders/7?a=1&a=2&q=%C3%A9&t=a%20b", b"", {}),
        "get with extra headers": lambda: twice(get, "GET", "/orders/7?limit=10", b"", extra),
        "get through request": lambda: through_request(get),
        "post json": lambda: twice(post, "POST", "/orders", order, content_type),
        "post with query": lambda: twice(post, "POST", "/orders?dry=1", order, content_type),
        "post with extra headers": lambda: twice(post, "POST", "/orders", order, extra | content_type),
        "post without a content type": lambda: twice(post, "POST", "/orders", order, {}),
        "post without a body": lambda: twice(post, "POST", "/orders", b"", content_type),
        "post 64 KiB": lambda: twice(post, "POST", "/orders", b"x" * 65536, {"Content-Type": "text/plain"}),
        f"{PARALLEL} parallel calls": lambda: parallel_calls(get),
        f"{PARALLEL} parallel presentations": lambda: parallel_presentations(get),
    }
    for name, case in cases.items():
        try:
            found = case()
        except Exception as problem:  # noqa: BLE001 - a case that breaks must not hide the others
            found = [repr(problem)]
        print(json.dumps({"case": name, "found": found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
