from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import AnthropicUpstream, Config, ConfigError, Secret, load
from tests.unit.config.samples import DIRECT, ENVIRON, Mistakes, Write


def key_of(config: Config) -> Secret:
    upstream = config.upstreams["direct"]
    assert isinstance(upstream, AnthropicUpstream)
    assert upstream.api_key is not None
    return upstream.api_key


def test_a_variable_is_looked_up(loaded: Callable[..., Config]) -> None:
    key = key_of(loaded(KEY=" sk-other \n"))
    assert (key.reveal(), key.source, str(key)) == ("sk-other", "KEY", "set from KEY")


def test_a_file_is_read(loaded: Callable[..., Config], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("sk-in-a-file\n")
    key = key_of(loaded(DIRECT.replace("${KEY}", f"${{file:{file}}}")))
    assert (key.reveal(), key.source) == ("sk-in-a-file", f"file:{file}")


@pytest.mark.parametrize(
    ("reference", "words", "hint"),
    [
        ("${UNSET}", "environment variable UNSET is not set", "set UNSET"),
        ("${EMPTY}", "environment variable EMPTY is not set", "set EMPTY"),
        ("${BROKEN}", "characters", ""),
        ("${file:/nowhere/at/all}", "/nowhere/at/all cannot be read: No such file", ""),
        ("${file:relative}", "no such reference", "write ${VARIABLE} or ${file:/path}"),
        ("Bearer ${KEY}", "no such reference", "write ${VARIABLE} or ${file:/path}"),
        ("$KEY", "written out", "write ${VARIABLE} or ${file:/path}"),
        ("", "written out", "write ${VARIABLE} or ${file:/path}"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_mistake(
    mistakes: Mistakes, reference: str, words: str, hint: str
) -> None:
    (found,) = mistakes(DIRECT.replace("${KEY}", reference), EMPTY=" ", BROKEN="a\nb")
    assert (found.key, found.line) == ("upstreams.direct.api_key", 6)
    assert words in found.message
    assert found.suggestion == hint


def test_an_empty_file_is_a_mistake(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (found,) = mistakes(DIRECT.replace("${KEY}", f"${{file:{tmp_path / 'empty'}}}"))
    assert "is empty" in found.message


def test_a_literal_is_never_repeated(mistakes: Mistakes) -> None:
    (found,) = mistakes(DIRECT.replace("${KEY}", "sk-ant-literal"))
    assert "secret written out" in found.message
    assert "sk-ant" not in repr(found)


def test_an_upstream_that_is_not_used_needs_no_secret(loaded: Callable[..., Config]) -> None:
    spare = "[upstreams.spare]\nprovider = 'anthropic'\nauth_token = '${UNSET}'\nproxy = '${P}'\n"
    upstream = loaded(DIRECT + spare).upstreams["spare"]
    assert upstream.token is not None
    assert str(upstream.token) == "to be set from UNSET"
    with pytest.raises(ConfigError, match="UNSET: has no value"):
        upstream.token.reveal()


def test_an_unused_upstream_may_still_not_hold_a_literal(mistakes: Mistakes) -> None:
    spare = "[upstreams.spare]\nprovider = 'anthropic'\nauth_token = 'sk-ant-literal'\n"
    assert [m.key for m in mistakes(DIRECT + spare)] == ["upstreams.spare.auth_token"]


def test_only_a_server_needs_the_keys_of_its_callers(write: Write) -> None:
    directory = write(DIRECT + "[server]\nkeys = ['${UNSET}']\n")
    assert not load(directory, ENVIRON).server.keys[0].present
    with pytest.raises(ConfigError, match="UNSET is not set"):
        load(directory, ENVIRON, serving=True)


def test_a_proxy_may_be_a_secret(loaded: Callable[..., Config]) -> None:
    proxy = loaded(DIRECT + "proxy = '${P}'", P="http://me:pw@proxy:3128").used[0].proxy
    assert proxy is not None
    assert proxy.reveal() == "http://me:pw@proxy:3128"
    assert str(proxy) == "set from P"


def test_a_proxy_without_a_password_may_be_written_out(loaded: Callable[..., Config]) -> None:
    proxy = loaded(DIRECT + "proxy = 'http://proxy:3128'").used[0].proxy
    assert proxy is not None
    assert proxy.reveal() == "http://proxy:3128"


def test_a_secret_proxy_is_checked_and_not_repeated(mistakes: Mistakes) -> None:
    (found,) = mistakes(DIRECT + "proxy = '${P}'", P="https://me:hunter2@proxy")
    assert found.message == "is no proxy address"
    assert "hunter2" not in str(found)


def test_a_pickled_configuration_has_left_its_secrets_behind(
    loaded: Callable[..., Config],
) -> None:
    again = pickle.loads(pickle.dumps(loaded()))  # noqa: S301 - our own bytes
    assert again.timeouts == loaded().timeouts
    assert str(key_of(again)) == "to be set from KEY"
    with pytest.raises(ConfigError):
        key_of(again).reveal()


def test_a_copy_in_this_process_keeps_them(loaded: Callable[..., Config]) -> None:
    assert key_of(copy.deepcopy(loaded())).reveal() == "sk-made-up"


def test_another_value_makes_another_configuration(loaded: Callable[..., Config]) -> None:
    assert loaded() == loaded()
    assert loaded() != loaded(KEY="sk-rotated")


FIELDS = (
    "aws_access_key_id = '${A}'\naws_secret_access_key = '${B}'\naws_session_token = '${C}'\n"
    "proxy = '${P}'\n"
)
MAIN = (
    DIRECT
    + "[upstreams.b]\nprovider = 'bedrock'\nregion = 'eu-central-1'\n"
    + FIELDS
    + "[upstreams.v]\nprovider = 'vertex'\naccess_token = '${D}'\n[server]\nkeys = ['${E}']\n"
)
tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4, max_size=40)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(tokens.map("zQ7{}".format), min_size=6, max_size=6))
def test_no_secret_shows_in_any_form(write: Write, values: list[str]) -> None:
    environ = dict(zip(("KEY", "A", "B", "C", "D", "E"), values, strict=True))
    environ |= {"GATEWAY_ENV": "dev", "P": "http://u:zQ7password@proxy:3128"}
    order = MAIN.replace('["direct"]', '["direct", "b", "v"]')
    config = load(write(order), environ, serving=True)
    forms = [str(config), repr(config), f"{config}", pickle.dumps(config).decode("latin-1")]
    for upstream in config.used:
        forms += [
            str(upstream),
            upstream.model_dump_json(),
            str(upstream.model_dump()),
        ]
        forms += [repr(upstream.place()), str(list(upstream))]
    assert config.used[1].proxy is not None
    assert "zQ7" in config.used[1].proxy.reveal()
    assert not any("zQ7" in form for form in forms)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tokens.map("zQ7{}".format).filter(lambda text: "'" not in text),
    st.sampled_from(["${KEY}", "${A}", "${B}", "${C}", "${P}", "${D}", "${E}"]),
)
def test_no_literal_shows_in_any_error(write: Write, literal: str, instead_of: str) -> None:
    environ = dict.fromkeys("ABCDE", "fine") | ENVIRON | {"P": "http://proxy:3128"}
    main = MAIN.replace('"${KEY}"', "'${KEY}'").replace(instead_of, literal)
    with pytest.raises(ConfigError) as raised:
        load(write(main), environ, serving=True)
    error = raised.value
    shown = "".join(traceback.format_exception(error))
    assert error.__context__ is None
    assert not any("zQ7" in form for form in (str(error), repr(error), shown))
