"""Request signatures. The key object lives here and is never printed, compared or handed out.

Source: the exchange's API key guide of October 2026; RSA-PSS or Ed25519 over timestamp, method and path.
"""

import base64
import os
import stat
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import SecretStr

from trader.domain.errors import ConfigurationError, shown


class Signer:
    """Makes the three headers of an authenticated request."""

    def __init__(self, key_id: SecretStr, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self._key_id, self._key = key_id, key

    def __repr__(self) -> str:
        return "Signer(***)"

    @property
    def account(self) -> str:
        """A stable name of the account's key that does not disclose the key id."""
        return sha256(f"milkbot account {self._key_id.get_secret_value()}".encode()).hexdigest()[:16]

    def headers(self, method: str, path: str, at: datetime) -> Mapping[str, str]:
        """Return headers for ONE attempt; ``path`` is from the root (``/trade-api/v2/x``), no query."""
        stamp = str(int(at.timestamp() * 1000))
        text = f"{stamp}{method.upper()}{path}".encode()
        return {
            "KALSHI-ACCESS-KEY": self._key_id.get_secret_value(),
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(self._sign(text)).decode("ascii"),
        }

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(text)
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        return self._key.sign(text, pss, hashes.SHA256())


def load_signer(key_id: SecretStr, key_file: Path) -> Signer:
    """Open a PEM private key, RSA or Ed25519, and return its signer.

    Raises ConfigurationError when the file is missing, readable by group or others, or holds another kind of
    key.
    """
    try:
        with key_file.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(65_536)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"key file {shown(str(key_file))}: expected a readable file, found {reason}; nothing starts"
        ) from None
    if mode & 0o077:
        raise ConfigurationError(
            f"key file {key_file}: expected no access for others, found mode {mode:04o}; nothing starts"
        )
    try:
        # the header line does not tell the kind, the class of the loaded key does
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):  # the cause may quote the file, so it is not chained
        raise ConfigurationError(
            f"key file {key_file}: expected an unencrypted PEM private key, found none; nothing starts"
        ) from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ConfigurationError(
            f"key file {key_file}: expected an RSA or Ed25519 key, found {type(key).__name__}; nothing starts"
        )
    return Signer(key_id, key)
