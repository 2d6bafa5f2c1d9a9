"""Named test keys and the ways a signature can be made, well or badly."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import curve

SEED_LABEL: Final = "trustplane acceptance case key: "
"""A key's seed is the SHA-256 of this and its name: test-only, and said to be."""

WEAK_KEYS: Final = {
    "identity": curve.encode(curve.IDENTITY),
    "small-order": curve.encode(curve.TORSION[1]),
    # y = 3 stands in the field, y + p names the same point a second time.
    "non-canonical": (3 + curve.P).to_bytes(32, "little"),
    # No x belongs to y = 2.
    "no-point": (2).to_bytes(32, "little"),
}
"""Public keys that no verifier may accept; nobody holds a private half."""


def b64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """The bytes behind unpadded base64url, without judging its form."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """One named key pair."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seed = hashlib.sha256((SEED_LABEL + name).encode()).digest()
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes, forge: str = "") -> bytes:
        """A signature, made as `forge` says."""
        honest = self.private.sign(message)
        match forge:
            case "":
                return honest
            case "flipped_bit":
                return bytes([honest[0] ^ 1]) + honest[1:]
            case "zero":
                return bytes(64)
            case "none":
                return b""
            case "s_plus_l":
                s = int.from_bytes(honest[32:], "little") + curve.L
                return honest[:32] + s.to_bytes(32, "little")
            case "small_order_r":
                return self._with_r(curve.IDENTITY, message)
            case "non_canonical_r":
                # The identity written with y = p + 1.
                return self._with_r_bytes((1 + curve.P).to_bytes(32, "little"), message)
            case "cofactored":
                return self._cofactored(message)
            case "hs256":
                return hmac.new(self.public, message, hashlib.sha256).digest()
            case "short":
                return honest[:63]
        raise ValueError(f"no such forgery: {forge}")

    def _with_r(self, r: curve.Point, message: bytes) -> bytes:
        return self._with_r_bytes(curve.encode(r), message)

    def _with_r_bytes(self, r: bytes, message: bytes) -> bytes:
        """With R of no order, s = k·a alone satisfies the equation."""
        s = curve.challenge(r, self.public, message) * curve.secret_scalar(self.seed) % curve.L
        return r + s.to_bytes(32, "little")

    def _cofactored(self, message: bytes) -> bytes:
        """R off by a point of order eight: only the equation times eight holds."""
        nonce = int.from_bytes(hashlib.sha512(self.seed + message).digest(), "little") % curve.L
        r = curve.encode(curve.add(curve.multiply(nonce, curve.BASE), curve.TORSION[1]))
        k = curve.challenge(r, self.public, message)
        s = (nonce + k * curve.secret_scalar(self.seed)) % curve.L
        return r + s.to_bytes(32, "little")


_KEYS: dict[str, Key] = {}


def key(name: str) -> Key:
    """The key of this name, made on first use."""
    if name not in _KEYS:
        _KEYS[name] = Key(name)
    return _KEYS[name]


def public(name: str) -> str:
    """The public key of this name as base64url, weak ones too."""
    return b64url(WEAK_KEYS[name] if name in WEAK_KEYS else key(name).public)


def used() -> dict[str, dict[str, str]]:
    """Every key made so far."""
    return {
        name: {
            "public_key_b64url": b64url(held.public),
            "fingerprint": "sha256:" + hashlib.sha256(held.public).hexdigest(),
        }
        for name, held in sorted(_KEYS.items())
    }
