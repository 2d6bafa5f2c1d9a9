#!/usr/bin/env python3
"""Writes the table vectors of the core: query.json, path.json and ed25519/strict_grid.txt.

    tables.py [--check]

Inputs and verdicts are stated here by hand. Normal forms are the official SDK's; curve verdicts are
`lib.curve`'s, and OpenSSL must accept whatever that accepts. The model must agree with every verdict.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from trustplane_auth.transcript import build_request

from lib import curve
from lib.recipe import ROOT
from model import request

VECTORS = ROOT.parent.parent / "core-nostd" / "vectors"
FORMS = {"s": "strict", "u": "unambiguous", "c": "compat"}

# Input, and the forms that accept it: s(trict), u(nambiguous), c(ompat).
QUERIES: list[tuple[str, str]] = [
    ("", "c"), ("?", "c"), ("?a=1", "c"), ("??a=1", "c"), ("a", "uc"), ("a=", "suc"), ("=", "suc"),
    ("=v", "suc"), ("&", "c"), ("a&&b", "c"), ("&a=1", "c"), ("a=1&", "c"), ("a==b", "uc"), ("a=b=c", "uc"),
    ("a+b=c+d", "c"), ("a%2Bb=1", "suc"), ("a%20b=c", "suc"), ("a= 1", "c"), ("%41=1", "c"), ("%7e=1", "uc"),
    ("%7E=1", "uc"), ("~=1", "suc"), ("a=%26", "suc"), ("%26=1", "suc"), ("a=%25", "suc"), ("a=%2525", "suc"),
    ("a=/?:@", "uc"), ("a=!*'()", "uc"), ("a=$,", "uc"), ("a[]=1", "uc"), ("a%5B%5D=1", "suc"),
    ("a;b=1", "c"), ("a=1;b=2", "c"), ("a=1%3Bb%3D2", "suc"), ("a=1&A=1", "uc"), ("A=1&a=1", "suc"),
    ("A=2&a=1&_=0", "uc"), ("A=2&_=0&a=1", "suc"), ("a=2&a=10", "c"), ("a=10&a=2", "suc"),
    ("b=1&a=1&a=1", "uc"), ("a=1&a=1&b=1", "suc"), ("a&a=", "uc"), ("a=1&a", "c"), ("a&a=1", "uc"),
    ("a=1&b=1&a=2", "uc"), ("a=2&b=1&a=1", "c"), ("a=%7E&a=~", "uc"), ("z=1&%61=1", "c"), ("a=%00", "suc"),
    ("a=%0A", "suc"), ("a=%c3%a9", "uc"), ("a=%C3%A9", "suc"), ("a=caf\u00e9", "c"), ("a=e\u0301", "c"),
    ("a=\"", "c"), ("a=<b>", "c"), ("a=b|c", "c"), ("a={b}", "c"), ("a=^", "c"), ("a=`", "c"), ("a=\\", "c"),
    ("a=%2F..%2F", "suc"), ("a=/../", "uc"), ("a=b&c", "uc"), ("a=b&c=", "suc"), ("a=-._~", "suc"),
    ("a=%2D", "c"), ("a=%5f", "c"), ("a=%3d", "uc"), ("a=%3D", "suc"), ("a%3Db=1", "suc"), ("a%3db=1", "uc"),
    ("limit=10&sort=desc", "suc"), ("sort=desc&limit=10", "uc"),
    ("z=last&a=2&a=10&space=a%20b&encoded=%7E&empty=", "c"),
    ("a=%F0%9F%94%92", "suc"), ("a=%EF%BF%BD", "suc"), ("a=1&a=1", "suc"), ("a=&b=", "suc"),
]  # fmt: skip
BAD_QUERIES: list[tuple[str, str]] = [
    ("a=%", "escape"), ("a=%2", "escape"), ("a=%zz", "escape"), ("%=1", "escape"), ("a=%2&b=0", "escape"),
    ("a=%u0041", "escape"), ("a=%%41", "escape"), ("a=% 1", "escape"), ("a=%\u0661\u0661", "escape"),
    ("a=%ff", "utf8"), ("a=%C3%28", "utf8"), ("a=%ED%A0%80", "utf8"), ("a=%C0%AF", "utf8"), ("a=%80", "utf8"),
    ("a=%C3", "utf8"), ("%ff=1", "utf8"), ("a=%C3&b=%A9", "utf8"), ("a=%F4%90%80%80", "utf8"),
    ("a=%E2%82", "utf8"), ("a%C3=%A9", "utf8"),
]  # fmt: skip
# Paths by the fault they are refused for; those without one are canonical.
PATHS: dict[str, list[str]] = {
    "": [
        "/", "/orders", "/orders/", "/orders/7", "/a-b_c.d~e", "/a!$&'()*+,;=:@b", "/a%20b", "/a%23b", "/a%25b",
        "/a%3Fb", "/a%3fb", "/caf%C3%A9", "/caf%c3%a9", "/...", "/.../a", "/.hidden", "/a..b", "/..a", "/a..",
        "/a.", "/a;v=1/b", "/a;..", "/a[0]", "/A", "/a%7Bb%7D", "/a%22",
    ],
    "start": [
        "", "*", "orders", "https://orders.example/", ".",
    ],
    "empty segment": [
        "//", "//a", "/a//b", "/a//",
    ],
    "backslash": [
        "/a\\b", "/\\..\\b",
    ],
    "escaped separator": [
        "/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb",
    ],
    "dot segment": [
        "/.", "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a/..;/b", "/a/..;x=1/b",
        "/a/.;/b", "/a/..;",
    ],
    "escaped unreserved": [
        "/%2e%2e/a", "/%2E/a", "/.%2e/a", "/%41", "/%61", "/%30", "/%7E", "/%7e", "/%2D", "/%5F",
    ],
    "bad escape": [
        "/%", "/%4", "/%zz", "/100%/a", "/%%41", "/%u0041",
    ],
    "control": [
        "/a\u0000b", "/a\u0001b", "/a\tb", "/a\nb", "/a\u001fb", "/a\u007fb",
    ],
    "not ASCII": [
        "/caf\u00e9", "/\uff0e\uff0e/a", "/a\u2215b",
    ],
    "character": [
        "/a\"b", "/a<b", "/a>b", "/a^b", "/a{b", "/a|b", "/a}b", "/a`b", "/orders/{id}",
    ],
}  # fmt: skip


def normal_form(query: str) -> str:
    """Line ten of the transcript the SDK builds, whatever the rest of the request."""
    lines = build_request(
        method="GET", scheme="https", authority="a", path="/", raw_query=query, audience="a",
        route_id="a", passport_jti="a", nonce="a", issued_at_unix=1, key_binding="software",
    ).canonical_lines  # fmt: skip
    name = "query_normalization.normalized="
    return next(line.removeprefix(name) for line in lines if line.startswith(name))


def queries() -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    assert all(request.query_is_in_form(None, form) for form in FORMS.values())
    rows.append({"query": None, "normal": normal_form(""), **dict.fromkeys(FORMS.values(), True)})
    for query, forms in dict(QUERIES).items():
        normal = normal_form(query)
        accepted = {form: letter in forms for letter, form in FORMS.items()}
        for form, verdict in accepted.items():
            assert request.query_is_in_form(query.encode(), form) is verdict, (query, form)
        assert request.normalise(query.encode()).decode() == normal, query
        assert accepted["strict"] is (query == normal != ""), query
        assert not accepted["strict"] or accepted["unambiguous"], query
        rows.append({"query": query, "normal": normal, **accepted})
    for query, error in BAD_QUERIES:
        assert not request.query_is_in_form(query.encode(), "compat"), query
        try:
            normal_form(query)
            sdk_error = ""
        except ValueError as problem:
            sdk_error = str(problem)
        # The Python SDK puts U+FFFD for bytes that are not UTF-8; the contract refuses them.
        assert (sdk_error == "invalid_query_percent_encoding") is (error == "escape"), query
        rows.append({"query": query, "error": error})
    return {
        "comment": "Normal form by the official SDK, verdict of each query_form; made by tables.py.",
        "rows": rows,
    }


def paths() -> dict[str, Any]:
    rows = [{"path": path, "fault": fault or None} for fault, held in PATHS.items() for path in held]
    for fault, held in PATHS.items():
        for path in held:
            assert request.path_is_canonical(path.encode()) is (fault == ""), path
    return {
        "comment": "Paths, and the fault of those that are refused; made by tables.py.",
        "rows": rows,
    }


def grid() -> str:
    """Every kind of A against every kind of R, with and without a residue of small order.

    `s` is always chosen so that the equation times eight holds: what is refused is refused for its
    encoding, its order, or the residue that only a cofactored check forgives.
    """
    a = int.from_bytes(hashlib.sha256(b"grid key").digest(), "little") % curve.L
    r = int.from_bytes(hashlib.sha256(b"grid nonce").digest(), "little") % curve.L
    mixed = (0, 1, 2, 4)
    small = curve.small_order_encodings()
    keys = [(0, data) for data in small] + [(a, _mixed(a, n)) for n in mixed]
    nonces = [(0, data) for data in small] + [(r, _mixed(r, n)) for n in mixed]
    rows = []
    for secret, key in keys:
        for nonce, commitment in nonces:
            for residue in (False, True):
                row = _signature(secret, key, nonce, commitment, residue)
                if row:
                    rows.append(row)
    # A residue can vanish only where R's small part is a multiple of A's: 1 + 4 + 3 + 2 pairs.
    assert sum(row.startswith("accept") for row in rows) == 10
    head = f"# Every kind of A against every kind of R, {len(rows)} cases, by tables.py. See ../README.md.\n"
    columns = "# Columns: id, verdict of a strict verifier, public key, signature, message (all hex), flags.\n"
    return head + columns + "".join(f"{i} {row}\n" for i, row in enumerate(rows))


def _mixed(scalar: int, torsion: int) -> bytes:
    point = curve.add(curve.multiply(scalar, curve.BASE), curve.TORSION[torsion])
    return curve.encode(point)


def _signature(secret: int, key: bytes, nonce: int, commitment: bytes, residue: bool) -> str | None:
    """The first message that leaves a residue, or none; not every pair has both."""
    a, r = curve.decode(key), curve.decode(commitment)
    assert a is not None
    assert r is not None
    for counter in range(32):
        message = f"grid {counter}".encode()
        k = curve.challenge(commitment, key, message)
        s = (nonce + k * secret) % curve.L
        left = curve.multiply(s, curve.BASE)
        right = curve.add(r, curve.multiply(k, a))
        if (left != right) is residue:
            break
    else:
        return None
    signature = commitment + s.to_bytes(32, "little")
    accept = curve.verify_strict(key, message, signature)
    assert not accept or _openssl(key, message, signature)
    verdict = "accept" if accept else "refuse"
    flags = _flags(key, commitment, residue)
    return f"{verdict} {key.hex()} {signature.hex()} {message.hex()} {flags}"


def _flags(key: bytes, commitment: bytes, residue: bool) -> str:
    flags = []
    for name, data in (("A", key), ("R", commitment)):
        point = curve.decode(data)
        assert point is not None
        if curve.is_small_order(point):
            flags.append(f"low_order_{name}")
        elif curve.multiply(curve.L, point) != curve.IDENTITY:
            flags.append(f"low_order_component_{name}")
        if curve.encode(point) != data:
            flags.append(f"non_canonical_{name}")
    return ",".join([*flags, *(["low_order_residue"] if residue else [])]) or "-"


def _openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def text(document: dict[str, Any]) -> str:
    """One row a line."""
    head = {name: value for name, value in document.items() if name != "rows"}
    head["count"] = len(document["rows"])
    rows = ",\n".join(json.dumps(row, ensure_ascii=True) for row in document["rows"])
    return json.dumps(head)[:-1] + ', "rows": [\n' + rows + "\n]}\n"


def main() -> int:
    stale = 0
    tables: list[tuple[Path, str]] = [
        (VECTORS / "query.json", text(queries())),
        (VECTORS / "path.json", text(paths())),
        (VECTORS / "ed25519" / "strict_grid.txt", grid()),
    ]
    for path, fresh in tables:
        if "--check" in sys.argv[1:]:
            current = path.read_text(encoding="utf-8") == fresh
            stale += not current
            print(f"{path.name} is {'current' if current else 'stale: run tables.py'}")
        else:
            path.write_text(fresh, encoding="utf-8")
            print(f"wrote {path.name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
