from __future__ import annotations

from pathlib import Path

import pytest

from gateway.compose import found
from gateway.config import ConfigError, Mistake, load
from providers.contract import Place, PlaceError
from tests.unit.config.samples import DIRECT, ENVIRON, Mistakes, Write


def test_all_mistakes_come_at_once_each_with_its_file_and_line(mistakes: Mistakes) -> None:
    main = """\
schema = 2
[routing]
order = ["direct",
  "bedrok"]
[upstreams.direct]
provider = "anthropic"
api_kye = "x"
api_key = "${KEY}"
[upstreams.bedrock]
provider = "bedrok"
[upstreams.v]
provider = "vertex"
models = { a = "b", c = 3 }
base_url = "http://example.com"
[timeouts]
call_s = "5"
idle_s = true
[retrys]
"""
    found = mistakes(main, dev="[server]\nport = 99999\nkeyz = 1\n")
    rows = [(Path(m.file or "").name, m.line, m.key, m.suggestion) for m in found]
    assert rows == [
        ("dev.toml", 2, "server.port", ""),
        ("dev.toml", 3, "server.keyz", "did you mean keys?"),
        ("gateway.toml", 1, "schema", "write schema = 1"),
        ("gateway.toml", 4, "routing.order[1]", "did you mean bedrock?"),
        ("gateway.toml", 7, "upstreams.direct.api_kye", "did you mean api_key?"),
        ("gateway.toml", 10, "upstreams.bedrock.provider", "did you mean bedrock?"),
        ("gateway.toml", 13, "upstreams.v.models.c", ""),
        ("gateway.toml", 14, "upstreams.v.base_url", rows[7][3]),
        ("gateway.toml", 16, "timeouts.call_s", ""),
        ("gateway.toml", 17, "timeouts.idle_s", ""),
        ("gateway.toml", 18, "retrys", "did you mean retries?"),
    ]


def test_a_mistake_reads_as_a_place_and_what_would_be_right() -> None:
    mistake = Mistake("config/gateway.toml", 7, "a.b", "unknown key", "did you mean c?")
    assert str(mistake) == "config/gateway.toml:7: a.b: unknown key (did you mean c?)"
    assert str(ConfigError([mistake])) == str(mistake)
    assert str(ConfigError([mistake, mistake])).startswith("2 mistakes")


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("base_url = 'ftp://x'", "base_url", "no http or https address"),
        ("base_url = 'https://user:pw@x'", "base_url", "user name or password"),
        ("base_url = 'https://x/?a=1'", "base_url", "query"),
        ("base_url = 'https://x/#a'", "base_url", "fragment"),
        ("base_url = 'https://x:99999'", "base_url", "no http or https address"),
        ("base_url = 'https://x y'", "base_url", "no http or https address"),
        ("base_url = 'http://10.0.0.1'", "base_url", "without TLS"),
        ("base_url = 'http://localhost.example.com'", "base_url", "without TLS"),
        ("base_url = ''", "base_url", "no http or https address"),
        ("proxy = 'socks5://x:1'", "proxy", "no proxy address"),
        ("proxy = 'http://x'", "proxy", "no proxy address"),
        ("proxy = 'http://user:pw@x:1'", "proxy", "secret written out"),
        ("ca_file = 'nowhere.pem'", "ca_file", "there is no file"),
        ("client_cert = 'nowhere.pem'", "client_cert", "there is no file"),
        ("fidelity = 'loose'", "fidelity", "'strict' or 'lenient'"),
        ("allow_private_network = 1", "allow_private_network", "boolean"),
        ("models = { 'a b' = 'c' }", 'models."a b"', "characters"),
        ("models = { a = '' }", "models.a", "at least 1"),
        ("name = 'x'", "name", "unknown key"),
        ("region = 'eu'", "region", "unknown key"),
        ("auth_token = '${KEY}'", "auth_token", "one credential"),
    ],
)
def test_a_setting_of_an_upstream_is_checked(
    mistakes: Mistakes, line: str, key: str, words: str
) -> None:
    (found,) = mistakes(DIRECT + line)
    assert found.key == f"upstreams.direct.{key}"
    assert found.line == 7
    assert words in found.message


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "[::1]:80", "127.8.8.8"])
def test_http_is_fine_on_this_machine(write: Write, host: str) -> None:
    found = load(write(DIRECT + f"base_url = 'http://{host}/x/'"), ENVIRON).used[0]
    assert found.base_url == f"http://{host}/x"
    assert found.private_network


def test_http_is_fine_where_the_operator_says_so(write: Write) -> None:
    lines = "base_url = 'http://10.0.0.1'\nallow_private_network = true"
    assert load(write(DIRECT + lines), ENVIRON).used[0].private_network


def test_a_public_address_is_no_private_network(write: Write) -> None:
    found = load(write(DIRECT + "base_url = 'https://relay.example.com'"), ENVIRON).used[0]
    assert not found.private_network


BEDROCK = """\
schema = 1
[routing]
order = ["b"]
[upstreams.b]
provider = "bedrock"
region = "eu-central-1"
"""


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("aws_access_key_id = '${KEY}'", "aws_secret_access_key"),
        ("aws_secret_access_key = '${KEY}'", "aws_access_key_id"),
        ("aws_session_token = '${KEY}'", "aws_access_key_id"),
        ("api_key = '${KEY}'\naws_profile = 'x'", "aws_profile"),
        ("region = 'eu-central-1/x'", "region"),
        ("profile = 'eu.'", "profile"),
        ("fips = 'yes'", "fips"),
        ("project = 'x'", "project"),
    ],
)
def test_a_bedrock_upstream_is_checked(mistakes: Mistakes, lines: str, key: str) -> None:
    main = BEDROCK.replace('region = "eu-central-1"\n', "") if "region" in lines else BEDROCK
    (found,) = mistakes(main + lines)
    assert found.key == f"upstreams.b.{key}"


def test_a_direct_upstream_needs_a_credential(mistakes: Mistakes) -> None:
    (found,) = mistakes(DIRECT.replace('api_key = "${KEY}"\n', ""))
    assert (found.key, found.line, found.message) == ("upstreams.direct.api_key", 4, "is missing")


@pytest.mark.parametrize("order", ["[]", '["direct", "direct"]', '["other"]', '"direct"', "5"])
def test_the_order_names_each_upstream_once(mistakes: Mistakes, order: str) -> None:
    (found,) = mistakes(DIRECT.replace('["direct"]', order))
    assert found.key.startswith("routing.order")
    assert found.line == 3


def test_the_order_must_be_there(mistakes: Mistakes) -> None:
    (found,) = mistakes(DIRECT.replace('order = ["direct"]\n', ""))
    assert (found.line, found.key, found.message) == (2, "routing.order", "is missing")


SECTIONS = [
    ("schema = true", "schema", 1),
    ("", "schema", None),
    ("schema = 1\nserver = 5", "server", 2),
]


@pytest.mark.parametrize(("first", "key", "line"), SECTIONS)
def test_the_top_is_checked(mistakes: Mistakes, first: str, key: str, line: int | None) -> None:
    (found,) = mistakes(DIRECT.replace("schema = 1", first))
    assert (found.key, found.line) == (key, line)


@pytest.mark.parametrize(
    ("more", "key", "line"),
    [
        ("[timeouts]\nconnect_s = 0\n", "timeouts.connect_s", 8),
        ("[timeouts]\nconnect_s = inf\n", "timeouts.connect_s", 8),
        ("[timeouts]\nconnect_s = nan\n", "timeouts.connect_s", 8),
        ("[retries]\nattempts = 0\n", "retries.attempts", 8),
        ("[retries]\nattempts = 1.0\n", "retries.attempts", 8),
        ("[retries]\nmax_s = 8\nbase_s = 9\n", "retries.base_s", 9),
        ("[server]\nhost = '0.0.0.0'\n", "server.keys", 7),
        ("[server]\nhost = 'gateway.internal'\n", "server.keys", 7),
        ("[server]\nhost = '::'\nkeys = []\n", "server.keys", 9),
        ("[server]\nkeys = [\n1]\n", "server.keys[0]", 9),
        ("[server]\nkeys = 'x'\n", "server.keys", 8),
        ("[upstreams.Direct]\nprovider = 'vertex'\n", "upstreams.Direct", 7),
        ("[upstreams.other]\n", "upstreams.other.provider", 7),
        ("[upstreams.other]\nprovider = 3\n", "upstreams.other.provider", 8),
        ("[upstreams]\nother = 3\n", "upstreams.other", 8),
    ],
)
def test_each_section_is_checked(mistakes: Mistakes, more: str, key: str, line: int) -> None:
    (found,) = mistakes(DIRECT + more)
    assert (found.key, found.line) == (key, line)


def test_no_upstreams_at_all_or_no_tables(mistakes: Mistakes) -> None:
    assert [m.key for m in mistakes("schema = 1\nupstreams = 3\nrouting = 4\n")] == [
        "upstreams",
        "routing",
    ]
    (found,) = mistakes("schema = 1\nrouting.order = ['x']\n")
    assert (found.key, found.line) == ("routing.order[0]", 2)


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("[upstreams.direct]\n", 7, "a second time"),
        ("api_key = 1\n", 7, "a second time"),
        ("x = {a = 1, a = 2}\n", 7, "a second time"),
        ("x = \n", 7, "no TOML: invalid value"),
        ("x = [1,\n", 8, "no TOML"),
        ("x = sk-made-up\n", 7, "no TOML: invalid value"),
        (f"x = {'9' * 5000}\n", None, "no TOML"),
        (f"x = {'[' * 5000}\n", None, "nested too deeply"),
        (f"x = {'[' * 50}{']' * 50}\n", None, "nested too deeply"),
        (f"{'a.' * 3000}b = 1\n", None, "nested too deeply"),
    ],
)
def test_what_is_no_toml_is_a_mistake_with_its_line(
    mistakes: Mistakes, more: str, line: int | None, words: str
) -> None:
    (found,) = mistakes(DIRECT + more)
    assert words in found.message
    assert line is None or found.line == line
    assert "sk-made-up" not in str(found)


def test_both_files_are_read_before_giving_up(mistakes: Mistakes) -> None:
    first, second = mistakes("a = ", dev="b = ")
    assert [Path(m.file or "").name for m in (first, second)] == ["gateway.toml", "dev.toml"]


def test_a_file_that_is_not_utf_8_is_a_mistake(write: Write) -> None:
    directory = write()
    (directory / "gateway.toml").write_bytes(b"schema = 1\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"gateway\.toml:2: is not UTF-8"):
        load(directory, ENVIRON)


def test_windows_line_ends_count_once(write: Write) -> None:
    directory = write()
    text = (DIRECT + "nope = 1\n").replace("\n", "\r\n")
    (directory / "gateway.toml").write_bytes(text.encode())
    with pytest.raises(ConfigError) as raised:
        load(directory, ENVIRON)
    assert raised.value.mistakes[0].line == 7


def test_control_characters_of_a_key_do_not_reach_the_terminal(mistakes: Mistakes) -> None:
    (found,) = mistakes(DIRECT + '"a\\u009b2Jb" = 1\n')
    assert str(found).isprintable()


def test_a_provider_is_asked_for_each_place(write: Write) -> None:
    asked: list[tuple[str, Place]] = []

    def check(provider: str, place: Place) -> None:
        asked.append((provider, place))
        if place.region == "eu-central-1":
            raise PlaceError("profile", "eu-central-1 needs a profile")

    main = BEDROCK + "[upstreams.d]\nprovider = 'anthropic'\nauth_token = '${NONE}'\n"
    with pytest.raises(ConfigError) as raised:
        load(write(main), ENVIRON, check_place=check)
    (found,) = raised.value.mistakes
    assert (found.key, found.line) == ("upstreams.b.profile", 4)
    assert found.message == "eu-central-1 needs a profile"
    assert [provider for provider, _ in asked] == ["bedrock", "anthropic"]


def test_a_provider_is_not_asked_about_what_is_known_to_be_wrong(write: Write) -> None:
    def check(provider: str, place: Place) -> None:
        raise PlaceError("base_url", f"{provider} finds {place.base_url} wrong as well")

    with pytest.raises(ConfigError) as raised:
        load(write(DIRECT + "base_url = 'http://x.example'"), ENVIRON, check_place=check)
    assert [mistake.key for mistake in raised.value.mistakes] == ["upstreams.direct.base_url"]


def test_a_server_that_would_call_itself_does_not_start(write: Write) -> None:
    main = DIRECT + "base_url = 'http://localhost:8787'\n"
    assert load(write(main), ENVIRON).used[0].base_url
    with pytest.raises(ConfigError, match="own address"):
        load(write(main), ENVIRON, serving=True)


@pytest.mark.parametrize(
    ("line", "key"), [('geo = "eu west"', "geo"), ('workspace = "my space"', "workspace")]
)
def test_a_geography_or_workspace_that_cannot_be_one_is_named(
    mistakes: Mistakes, line: str, key: str
) -> None:
    (found,) = mistakes(DIRECT + line + "\n")
    assert (found.line, found.key) == (7, f"upstreams.direct.{key}")


def test_a_geography_that_the_platform_does_not_have_is_found_at_start(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.toml:7: .*'eu' is no inference_geo") as raised:
        found(write(DIRECT + 'geo = "eu"\n'), ENVIRON)
    (mistake,) = raised.value.mistakes
    assert "global, us" in str(mistake)
