"""The official SDK's `BrokerClient` as a caller without a key: what it is issued passes, once each.

    broker_client.py LINE           LINE is what `trustplane up --json` printed

Prints one line of JSON for each case: {"case", "found"}; what is found is what went wrong.
"""

from __future__ import annotations

import json
import sys
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from trustplane_auth.broker import (
    BrokerClient,
    BrokerRequestInput,
    BrokerResponse,
    PreparedBrokerRequest,
    broker_headers,
    build_broker_request,
)
from trustplane_auth.transcript import RequestInput

ORDER = b'{"order":"7","amount":"42.00"}'
CONTENT_TYPE = {"Content-Type": "application/json"}


class Caller:
    """Asks the broker for each request, and sends it to the listener."""

    def __init__(self, site: dict[str, object]) -> None:
        self.url = urlsplit(str(site["listener_url"]))
        self.broker = BrokerClient(str(site["broker_socket"]))

    def ask(
        self, method: str, target: str, route: str, body: bytes, headers: dict[str, str]
    ) -> tuple[PreparedBrokerRequest, BrokerResponse]:
        path, _, query = target.partition("?")
        http = RequestInput(
            method=method,
            scheme=self.url.scheme,
            authority=self.url.netloc,
            path=path,
            raw_query=query,
            audience="orders-api",
            route_id=route,
            body=body,
            headers=tuple(headers.items()),
        )
        prepared = build_broker_request(BrokerRequestInput(request=http))
        return prepared, self.broker.issue(prepared)

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        request = Request(f"{self.url.geturl()}{target}", body or None, headers, method=method)
        try:
            with urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def twice(self, method: str, target: str, route: str, body: bytes, headers: dict[str, str]) -> list[str]:
        """One issued request, presented twice: it passes, then it is a replay."""
        prepared, response = self.ask(method, target, route, body, headers)
        full = headers | broker_headers(prepared, response)
        first, second = self.send(method, target, body, full), self.send(method, target, body, full)
        if first[0] != 200:
            return [f"expected 200, got {first}"]
        seen = json.loads(first[1])
        found = []
        if (seen["method"], seen["path"], seen["body"]) != (method, target, body.decode()):
            found.append(f"the upstream saw {seen['method']} {seen['path']} {seen['body']!r}")
        subjects = [value for name, value in seen["headers"] if name.lower() == "x-trustplane-subject"]
        if subjects != ["service:local-process"]:
            found.append(f"the upstream was told the subjects {subjects}")
        if second != (403, b'{"allowed":false,"reason":"jti_replay"}'):
            found.append(f"the second time: {second}")
        return found

    def elsewhere(self) -> list[str]:
        """What was issued for one path does not pass on another."""
        prepared, response = self.ask("GET", "/orders/7", "orders.read", b"", {})
        answer = self.send("GET", "/orders/8", b"", broker_headers(prepared, response))
        wanted = (403, b'{"allowed":false,"reason":"request_binding_mismatch"}')
        return [] if answer == wanted else [f"{answer}"]

    def denied(self) -> list[str]:
        """A route that the broker's policy does not list."""
        _, response = self.ask("GET", "/payouts/7", "payouts.read", b"", {})
        wanted = response.reason_code == "broker_route_denied" and not response.accepted
        return [] if wanted and response.artifacts is None else [f"{response}"]


def main() -> int:
    caller = Caller(json.loads(sys.argv[1]))
    cases = {
        "get": lambda: caller.twice("GET", "/orders/7?limit=10&sort=desc", "orders.read", b"", {}),
        "post": lambda: caller.twice("POST", "/orders", "orders.create", ORDER, CONTENT_TYPE),
        "another path": caller.elsewhere,
        "route not listed": caller.denied,
    }
    for name, case in cases.items():
        try:
            found = case()
        except Exception as problem:  # noqa: BLE001 - a case that breaks must not hide the others
            found = [repr(problem)]
        print(json.dumps({"case": f"broker {name}", "found": found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
