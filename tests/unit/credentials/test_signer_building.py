from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.credentials.aws import AwsSigner
from gateway.credentials.build import signer
from gateway.credentials.contract import CredentialError, Signer
from gateway.credentials.google import GoogleSigner
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.static import StaticSigner
from providers.contract import ApiKey, Auth, Bearer, SigV4

SIGV4 = SigV4("bedrock", "eu-central-1")
SETTINGS = {
    kind: CredentialSettings(
        kind,
        token="hush",
        access_key_id="AKID",
        secret_access_key="hush",
        profile="p" if kind is CredentialKind.AWS_PROFILE else None,
        file="key.json",
    )
    for kind in CredentialKind
}
FITS: dict[CredentialKind, tuple[Auth, type]] = {
    CredentialKind.TOKEN: (ApiKey(), StaticSigner),
    CredentialKind.GOOGLE_TOKEN: (Bearer(), StaticSigner),
    CredentialKind.AWS_KEYS: (SIGV4, AwsSigner),
    CredentialKind.AWS_PROFILE: (SIGV4, AwsSigner),
    CredentialKind.AWS_CHAIN: (SIGV4, AwsSigner),
    CredentialKind.GOOGLE_FILE: (Bearer(), GoogleSigner),
    CredentialKind.GOOGLE_ADC: (Bearer(), GoogleSigner),
}


@pytest.mark.parametrize("kind", FITS)
def test_each_kind_has_its_signer(kind: CredentialKind) -> None:
    auth, expected = FITS[kind]
    built: Signer = signer(SETTINGS[kind], auth)

    assert type(built) is expected


def test_the_anthropic_chain_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS[CredentialKind.ANTHROPIC_CHAIN]
    with pytest.raises(CredentialError, match="set ANTHROPIC_API_KEY"):
        signer(settings, Bearer())

    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "t")
    assert not signer(settings, Bearer()).fresh()


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_credential_that_does_not_fit_is_refused(kind: CredentialKind) -> None:
    wrong: Auth = ApiKey() if kind.value.startswith("aws") else SIGV4

    with pytest.raises(CredentialError) as caught:
        signer(SETTINGS[kind], wrong)
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("kind", CredentialKind)
def test_settings_do_not_show_their_secrets(kind: CredentialKind) -> None:
    settings = CredentialSettings(
        kind,
        token="hush",
        access_key_id="hush",
        secret_access_key="hush",
        session_token="hush",
        proxy="http://u:hush@proxy:1",
    )

    assert "hush" not in repr(settings)


def test_building_signers_loads_no_library() -> None:
    code = (
        "import sys\n"
        "from gateway.credentials.build import signer\n"
        "from gateway.credentials.settings import CredentialKind as K, CredentialSettings as S\n"
        "from providers.contract import Bearer, SigV4\n"
        "signer(S(K.AWS_CHAIN), SigV4('bedrock', 'eu-central-1'))\n"
        "signer(S(K.GOOGLE_ADC), Bearer())\n"
        "heavy = {'anthropic', 'boto3', 'botocore', 'google.auth', 'requests', 'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[3]

    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"
