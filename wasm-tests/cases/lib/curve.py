"""edwards25519 in plain integers (RFC 8032), for forgeries and for the strict verdict.

Slow and not constant-time: it only ever sees test keys.
"""

from __future__ import annotations

import hashlib

Point = tuple[int, int]
Extended = tuple[int, int, int, int]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """The complete Edwards addition."""
    return _affine(_add(_extended(a), _extended(b)))


def negate(a: Point) -> Point:
    """The point with the other x."""
    return (-a[0] % P, a[1])


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times `point`."""
    total, power = _extended(IDENTITY), _extended(point)
    while scalar:
        if scalar & 1:
            total = _add(total, power)
        power = _add(power, power)
        scalar >>= 1
    return _affine(total)


def _extended(a: Point) -> Extended:
    return (a[0], a[1], 1, a[0] * a[1] % P)


def _affine(a: Extended) -> Point:
    inverse = pow(a[2], P - 2, P)
    return (a[0] * inverse % P, a[1] * inverse % P)


def _add(p: Extended, q: Extended) -> Extended:
    """RFC 8032 section 5.1.4."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def encode(point: Point) -> bytes:
    """The canonical 32 bytes."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point | None:
    """Any encoding of a point, canonical or not; None where there is no such point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_M1 % P
    if v * x * x % P != u:
        return None
    if x & 1 != sign:
        x = -x % P
    return (x, y)


def is_small_order(point: Point) -> bool:
    """Whether eight times the point is the identity."""
    return multiply(8, point) == IDENTITY


def _base() -> Point:
    point = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


def _torsion() -> list[Point]:
    y = 2
    while True:
        candidate = decode(y.to_bytes(32, "little"))
        if candidate is not None:
            generator = multiply(L, candidate)
            if multiply(4, generator) != IDENTITY:
                return [multiply(n, generator) for n in range(8)]
        y += 1


BASE = _base()
TORSION = _torsion()
"""The eight points of small order, as multiples of one of order eight."""


def small_order_encodings() -> list[bytes]:
    """All fourteen encodings that decode to a point of small order, canonical ones first."""
    canonical = sorted(encode(point) for point in TORSION)
    others = []
    for point in TORSION:
        for sign in (0, 1):
            for y in (point[1], point[1] + P):
                data = (y | sign << 255).to_bytes(32, "little") if y < 2**255 else b""
                if data and data not in canonical and decode(data) in TORSION:
                    others.append(data)
    return canonical + sorted(set(others))


def secret_scalar(seed: bytes) -> int:
    """The clamped scalar of a seed, RFC 8032 section 5.1.5."""
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return number & (2**254 - 8) | 2**254


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """`k`, reduced."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def is_strict_key(data: bytes) -> bool:
    """Whether these 32 bytes are a key the contract accepts: canonical, not of small order."""
    point = decode(data)
    return point is not None and encode(point) == data and not is_small_order(point)


def verify_strict(key: bytes, message: bytes, signature: bytes) -> bool:
    """Canonical `s`, no small-order or non-canonical `A` or `R`, no cofactor slack."""
    if len(signature) != 64 or not (is_strict_key(key) and is_strict_key(signature[:32])):
        return False
    s = int.from_bytes(signature[32:], "little")
    a = decode(key)
    if s >= L or a is None:
        return False
    expected = add(multiply(s, BASE), negate(multiply(challenge(signature[:32], key, message), a)))
    return encode(expected) == signature[:32]
