from __future__ import annotations

import pickle

import pytest

from gateway.credentials.contract import CredentialError, Signer
from gateway.credentials.static import StaticSigner
from providers.contract import ApiKey, Bearer, SigV4, WireRequest


def test_a_bearer_token_travels_as_authorization(bearer_request: WireRequest) -> None:
    signer: Signer = StaticSigner("sk-1", Bearer())
    signer.refresh(0)

    assert signer.fresh()
    assert signer.sign(bearer_request, "api.anthropic.com") == (
        ("content-type", "application/json"),
        ("authorization", "Bearer sk-1"),
    )


def test_an_api_key_travels_in_the_header_it_is_told(bearer_request: WireRequest) -> None:
    headers = StaticSigner("k", ApiKey("x-goog-api-key")).sign(bearer_request, "h")

    assert headers[-1] == ("x-goog-api-key", "k")


@pytest.mark.parametrize(
    "name", ["authorization", "x-api-key", "api-key", "x-amz-security-token", "x-amz-date"]
)
def test_a_credential_from_elsewhere_does_not_travel_along(name: str) -> None:
    request = WireRequest("POST", "/", ((name, "stray"), ("accept", "*/*")), b"", Bearer())

    headers = StaticSigner("k", Bearer()).sign(request, "h")

    assert headers == (("accept", "*/*"), ("authorization", "Bearer k"))


@pytest.mark.parametrize("secret", ["", "a\n", "k1 k2", "a\r\nx: y", "\u00e4", "a\x00", "\u2028"])
def test_a_secret_that_cannot_stand_in_a_header_is_refused_unquoted(secret: str) -> None:
    with pytest.raises(CredentialError) as caught:
        StaticSigner(secret, Bearer())

    assert not secret or secret not in caught.value.message


def test_a_token_does_not_sign_with_sigv4() -> None:
    with pytest.raises(CredentialError, match="use AWS keys"):
        StaticSigner("k", SigV4("bedrock", "eu-central-1"))


def test_the_secret_is_neither_shown_nor_pickled() -> None:
    signer = StaticSigner("hush", ApiKey())

    assert repr(signer) == "StaticSigner(x-api-key)"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
