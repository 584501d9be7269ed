"""Signatures are verified with the public key; the private one never shows."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from pydantic import SecretStr

from trader.adapters.kalshi.signing import load_signer
from trader.domain.errors import ConfigurationError

KEY_ID = SecretStr("11111111-2222-4333-8444-555555555555")
AT = datetime(2023, 12, 21, 15, 12, 3, 456000, tzinfo=UTC)
PATH = "/trade-api/v2/portfolio/balance"


def write(path: Path, key: PrivateKeyTypes, mode: int = 0o600) -> Path:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.touch(mode=mode)
    path.write_bytes(pem)
    path.chmod(mode)
    return path


@pytest.mark.story("3.1")
def test_rsa_signature_is_pss_with_digest_salt_over_time_method_and_path(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)

    headers = load_signer(KEY_ID, write(tmp_path / "k.pem", key)).headers("get", PATH, AT)

    assert headers["KALSHI-ACCESS-KEY"] == KEY_ID.get_secret_value()
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1703171523456"
    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    key.public_key().verify(signature, f"1703171523456GET{PATH}".encode(), pss, hashes.SHA256())


@pytest.mark.story("3.1")
def test_ed25519_key_is_recognised_by_its_class(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()

    headers = load_signer(KEY_ID, write(tmp_path / "k.pem", key)).headers("POST", PATH, AT)

    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    key.public_key().verify(signature, f"1703171523456POST{PATH}".encode())
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, f"1703171523456GET{PATH}".encode())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_key_readable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "k.pem", Ed25519PrivateKey.generate(), mode)

    with pytest.raises(ConfigurationError, match=f"expected no access for others, found mode {mode:04o}"):
        load_signer(KEY_ID, path)


def test_missing_garbage_and_foreign_keys_are_refused_without_quoting_them(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.touch(mode=0o600)
    garbage.write_text("very-private-words")
    elliptic = write(tmp_path / "ec.pem", ec.generate_private_key(ec.SECP256R1()))

    for path, found in (
        (tmp_path / "none.pem", "No such file"),
        (garbage, "found none"),
        (elliptic, "EllipticCurve|ECPrivateKey"),
    ):
        with pytest.raises(ConfigurationError, match=found) as caught:
            load_signer(KEY_ID, path)
        assert "very-private-words" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_signer_prints_neither_key_nor_id(tmp_path: Path) -> None:
    signer = load_signer(KEY_ID, write(tmp_path / "k.pem", Ed25519PrivateKey.generate()))

    assert repr(signer) == str(signer) == "Signer(***)"
    assert KEY_ID.get_secret_value()[:8] not in signer.account
    assert len(signer.account) == 16
