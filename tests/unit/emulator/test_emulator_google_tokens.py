from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth import crypt, jwt

from gateway.emulator.google_tokens import (
    GOOGLE_AUDIENCE,
    GRANT,
    SCOPE,
    ServiceAccount,
    verified_claims,
)

NOW_S = 1_800_000_000.0
URL = "http://127.0.0.1:1/token"


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return ServiceAccount(token_lifetime_s=600, static_tokens=frozenset({"fixed"}))


def claims(account: ServiceAccount, **changed: Any) -> dict[str, Any]:
    return {
        "iss": account.email,
        "aud": GOOGLE_AUDIENCE,
        "iat": int(NOW_S),
        "exp": int(NOW_S) + 3600,
        "scope": SCOPE,
        **changed,
    }


def assertion(account: ServiceAccount, **changed: Any) -> str:
    info = account.info(URL)
    key, key_id = info["private_key"], info["private_key_id"]
    signer = crypt.RSASigner.from_string(key, key_id)  # type: ignore[no-untyped-call]
    return str(jwt.encode(signer, claims(account, **changed)).decode())  # type: ignore[no-untyped-call]


def post(account: ServiceAccount, token: str, grant: str = GRANT) -> tuple[int, dict[str, Any]]:
    form = urlencode({"assertion": token, "grant_type": grant}).encode()
    return account.exchange(form, URL, NOW_S)


def test_a_good_assertion_buys_a_token_that_expires(account: ServiceAccount) -> None:
    status, answer = post(account, assertion(account))
    assert (status, answer["expires_in"], answer["token_type"]) == (200, 600, "Bearer")
    token = answer["access_token"]
    assert account.accepts(token, NOW_S + 599)
    assert not account.accepts(token, NOW_S + 600)
    assert post(account, assertion(account, aud=URL))[0] == 200


def test_made_up_tokens_are_refused(account: ServiceAccount) -> None:
    token = post(account, assertion(account))[1]["access_token"]
    prefix, _, seal = token.rpartition(".")
    longer = f"ya29.{int(NOW_S) + 10**9}.{seal}"
    for made_up in ("", "ya29", "ya29.x.y", longer, f"{prefix}.", token + "0", "\u00e9.\u00e9"):
        assert not account.accepts(made_up, NOW_S)
    assert account.accepts("fixed", NOW_S)
    assert not ServiceAccount().accepts(token, NOW_S)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": "someone@else"}, "invalid_grant"),
        ({"aud": "https://elsewhere/token"}, "invalid_grant"),
        ({"exp": int(NOW_S)}, "invalid_grant"),
        ({"iat": int(NOW_S) + 400}, "invalid_grant"),
        ({"exp": int(NOW_S) + 3601}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
    ],
)
def test_wrong_claims_are_refused(
    account: ServiceAccount, changed: dict[str, Any], error: str
) -> None:
    status, answer = post(account, assertion(account, **changed))
    assert (status, answer["error"]) == (400, error)
    assert answer["error_description"]


def test_a_wrong_grant_or_no_token_at_all_is_refused(account: ServiceAccount) -> None:
    good = assertion(account)
    assert post(account, good, "password")[1]["error"] == "unsupported_grant_type"
    for bad in ("", "a.b", "a.b.c", "e30.e30.!!!!", good[:-8] + "AAAAAAAA"):
        assert post(account, bad)[1]["error"] == "invalid_grant"


def test_another_key_or_algorithm_is_refused(account: ServiceAccount) -> None:
    stranger = ServiceAccount()
    assert post(account, assertion(stranger))[1]["error_description"] == "Invalid JWT Signature."
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps(claims(account)).encode()).decode().rstrip("=")
    assert "RS256" in post(account, f"{head}.{body}.")[1]["error_description"]


def test_every_changed_byte_of_an_assertion_is_refused(account: ServiceAccount) -> None:
    good = assertion(account)
    assert verified_claims(good, account.public_key())["iss"] == account.email
    for at in range(0, len(good) - 1, 7):
        other = "A" if good[at] != "A" else "B"
        assert post(account, good[:at] + other + good[at + 1 :])[0] == 400


def test_the_padding_is_checked_whole(account: ServiceAccount) -> None:
    # A signature by the right key over another digest's encoding is no RS256 signature.
    key = serialization.load_pem_private_key(account.info(URL)["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    good = assertion(account).rpartition(".")[0]
    other = key.sign(good.encode(), padding.PKCS1v15(), hashes.SHA512())
    forged = f"{good}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}"
    assert post(account, forged)[1]["error_description"] == "Invalid JWT Signature."


def test_no_key_is_in_a_repr(account: ServiceAccount) -> None:
    account.public_key()
    assert "PRIVATE" not in repr(account)
    assert "seal" not in repr(account)
