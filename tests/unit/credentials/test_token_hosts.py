from __future__ import annotations

import pytest

from gateway.credentials.token_hosts import host_entry, refusal


@pytest.mark.parametrize(
    "url",
    [
        "https://oauth2.googleapis.com/token",
        "https://sts.googleapis.com/v1/token",
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/x:generateAccessToken",
        "http://metadata.google.internal/computeMetadata/v1/instance",
        "http://169.254.169.254",
        "HTTPS://OAUTH2.GOOGLEAPIS.COM/token",
    ],
)
def test_googles_token_hosts_are_allowed(url: str) -> None:
    assert refusal(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/token", "list"),
        ("https://oauth2.googleapis.com.evil.example/token", "list"),
        ("https://evil.example/oauth2.googleapis.com", "list"),
        ("https://oauth2.googleapis.com@evil.example/token", "user name"),
        ("https://evil.example#@oauth2.googleapis.com/", "list"),
        ("http://oauth2.googleapis.com/token", "https"),
        ("ftp://metadata.google.internal/", "https"),
        ("https://cloudresourcemanager.googleapis.com/v1/projects/1", "list"),
        ("http://127.0.0.1/token", "list"),
        ("https:///token", "https://host/path"),
        ("oauth2.googleapis.com", "https://host/path"),
        ("https://[::1/token", "not a URL"),
        ("https://oauth2.googleapis.com:99999/", "not a URL"),
    ],
)
def test_everything_else_is_refused(url: str, why: str) -> None:
    reason = refusal(url)

    assert reason is not None
    assert why in reason


def test_the_operators_own_hosts_are_allowed() -> None:
    own = frozenset({"idp.example", "127.0.0.1:8080", "token.example:8443"})

    assert refusal("https://idp.example/token", own) is None
    assert refusal("https://idp.example:9443/token", own) is None
    assert refusal("https://token.example:8443/token", own) is None
    assert refusal("http://127.0.0.1:8080/token", own) is None
    assert refusal("https://token.example/token", own) is not None
    assert refusal("http://127.0.0.1:8081/token", own) is not None
    assert refusal("http://idp.example/token", own) == "the token address must use https"


def test_a_file_names_its_own_host() -> None:
    assert host_entry("https://Token.Example:8443/x") == "token.example:8443"
    assert host_entry("https://token.example/x") == "token.example"
    assert host_entry("nothing") is None
    assert host_entry("https://[::1") is None
