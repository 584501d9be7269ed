"""Request signatures, verified for real: RSA-PSS and Ed25519, within 15 seconds of the world's clock."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from trader.domain.errors import ConfigurationError
from trader.simulator.refusals import exchange_error

WINDOW_S = 15
"""Greatest accepted distance between a request's timestamp and the clock, seconds, on both sides."""

KEY_HEADER = "kalshi-access-key"
_STAMP_HEADER, _SIGNATURE_HEADER = "kalshi-access-timestamp", "kalshi-access-signature"
PublicKey = RSAPublicKey | Ed25519PublicKey


def load_public_key(path: Path) -> PublicKey:
    """Return a PEM public key. Raises ConfigurationError for a missing file or another kind of key."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"key {path}: expected a PEM public key, found {error}; not started"
        ) from error
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        found = type(key).__name__
        raise ConfigurationError(f"key {path}: expected RSA or Ed25519, found {found}; not started")
    return key


def make_key(path: Path) -> PublicKey:
    """Write a new Ed25519 private key (PKCS#8 PEM, mode 0600) and return its public half."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return private.public_key()


def verify(
    keys: Mapping[str, PublicKey], method: str, path: str, headers: Mapping[str, str], now: datetime
) -> None:
    """Raise Refused (401) in one of the four recorded bodies unless the request is signed by a known key.

    Signed text: timestamp in milliseconds, method, path without query. Source: kalshi-api.md 3.
    """
    key_id, stamp, signature = (
        headers.get(name, "") for name in (KEY_HEADER, _STAMP_HEADER, _SIGNATURE_HEADER)
    )
    if not key_id or not stamp or not signature:
        raise exchange_error(401, "signature_is_missing_from_headers")
    if not stamp.isascii() or not stamp.isdigit() or abs(int(stamp) / 1000 - now.timestamp()) > WINDOW_S:
        raise exchange_error(401, "header_timestamp_expired")
    key = keys.get(key_id)
    if key is None:
        raise exchange_error(401, "authentication_error", "NOT_FOUND")
    try:
        _check(key, base64.b64decode(signature, validate=True), f"{stamp}{method.upper()}{path}".encode())
    except (InvalidSignature, binascii.Error) as error:
        raise exchange_error(401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE") from error


def _check(key: PublicKey, signature: bytes, text: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, text)
    else:
        salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        key.verify(signature, text, salted, hashes.SHA256())
