import base64
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trader.domain.errors import ConfigurationError
from trader.simulator.refusals import Refused
from trader.simulator.signatures import PublicKey, load_public_key, make_key, verify

NOW = datetime(2026, 7, 16, 1, 29, 16, tzinfo=UTC)
STAMP = int(NOW.timestamp() * 1000)
PATH = "/trade-api/v2/portfolio/balance"
ED, RSA = Ed25519PrivateKey.generate(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, PublicKey] = {"ed": ED.public_key(), "rsa": RSA.public_key()}


def signed(key_id: str, text: str, stamp: int = STAMP) -> dict[str, str]:
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    raw = ED.sign(text.encode()) if key_id == "ed" else RSA.sign(text.encode(), pss, hashes.SHA256())
    signature = base64.b64encode(raw).decode()
    return {
        "kalshi-access-key": key_id,
        "kalshi-access-timestamp": str(stamp),
        "kalshi-access-signature": signature,
    }


def refusal(headers: dict[str, str]) -> Any:
    with pytest.raises(Refused) as refused:
        verify(KEYS, "GET", PATH, headers, NOW)
    assert refused.value.status == 401
    return refused.value.body


@pytest.mark.parametrize("key_id", ["ed", "rsa"])
@pytest.mark.parametrize("skew_ms", [-15_000, -5_000, 0, 5_000, 15_000])
def test_a_true_signature_within_the_window_passes(key_id: str, skew_ms: int) -> None:
    stamp = STAMP + skew_ms

    verify(KEYS, "GET", PATH, signed(key_id, f"{stamp}GET{PATH}", stamp), NOW)


@pytest.mark.parametrize("skew_ms", [-300_000, -30_000, -15_001, 15_001, 300_000])
def test_a_timestamp_outside_the_window_is_expired(skew_ms: int) -> None:
    stamp = STAMP + skew_ms

    body = refusal(signed("ed", f"{stamp}GET{PATH}", stamp))

    assert body == {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


@pytest.mark.parametrize("key_id", ["ed", "rsa"])
@pytest.mark.parametrize("text", [f"{STAMP}POST{PATH}", f"{STAMP}GET{PATH}?limit=5", f"{STAMP + 1}GET{PATH}"])
def test_a_signature_over_anything_else_is_incorrect(key_id: str, text: str) -> None:
    code = "authentication_error"

    assert refusal(signed(key_id, text)) == {
        "error": {"code": code, "message": code, "details": "INCORRECT_API_KEY_SIGNATURE"}
    }


def test_a_signature_that_is_no_base64_is_incorrect() -> None:
    headers = signed("ed", "") | {"kalshi-access-signature": "not base64!"}

    assert refusal(headers)["error"]["details"] == "INCORRECT_API_KEY_SIGNATURE"


@pytest.mark.parametrize(
    "missing", ["kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature"]
)
def test_any_missing_header_answers_the_recorded_body(missing: str) -> None:
    headers = signed("ed", f"{STAMP}GET{PATH}")
    del headers[missing]

    assert refusal(headers) == {
        "error": {
            "code": "signature_is_missing_from_headers",
            "message": "signature is missing from headers",
        }
    }


def test_an_unknown_key_id_is_not_found() -> None:
    headers = signed("ed", f"{STAMP}GET{PATH}") | {"kalshi-access-key": "nobody"}

    assert refusal(headers)["error"]["details"] == "NOT_FOUND"


def test_a_generated_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "sim" / "key.pem"

    public = make_key(path)

    private = serialization.load_pem_private_key(path.read_bytes(), None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key() == public


def test_another_kind_of_key_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))

    with pytest.raises(ConfigurationError, match="expected RSA or Ed25519, found EC"):
        load_public_key(path)
    with pytest.raises(ConfigurationError, match="expected a PEM public key"):
        load_public_key(tmp_path / "absent.pem")
