"""Finding a configuration and reading its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.config.build import Build, CheckPlace, build
from gateway.config.document import Document, Source
from gateway.config.environ import from_variables, variable
from gateway.config.mistakes import ConfigError, Mistake, nearest
from gateway.config.model import Config
from gateway.config.secret import References
from gateway.config.text import text_of
from gateway.config.toml_source import TOO_DEEP, parsed

_MAIN = "gateway.toml"
_ENVIRONMENTS = "environments"
_HERE = Path("config")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DEPTH_LIMIT = 16


def load(
    gateway: str | Path | Config | None,
    environ: Mapping[str, str],
    *,
    cwd_config: bool = False,
    serving: bool = False,
    check_place: CheckPlace | None = None,
) -> Config:
    """Return the configuration of this process.

    It is the first of: `gateway`, the directory that GATEWAY_CONFIG names, `./config` where
    `cwd_config` allows it. GATEWAY_ENV then says which environment of it. Only when none of them
    is given do the SDKs' own variables describe the upstreams (the no-file mode).

    Args:
        gateway: A directory with a `gateway.toml`, or a finished configuration.
        environ: The environment, see `process_environ`.
        cwd_config: Look into the working directory; for the command line only.
        serving: A server will be started: the keys of its callers must be there.
        check_place: Asks a provider whether it has a place.

    Raises:
        ConfigError: Nothing may start; it holds every mistake found.
    """
    if isinstance(gateway, Config):
        return gateway
    directory = _find(gateway, environ, cwd_config=cwd_config)
    if directory is None:
        document, notes = from_variables(environ)
        how = Build(References(environ), None, None, True, serving, check_place, notes)
        return build(document, how)
    environment = _environment(directory, environ)
    document = _read(directory, environment)
    references = References(environ, directory)
    return build(document, Build(references, environment, directory, False, serving, check_place))


def environments(directory: Path) -> tuple[str, ...]:
    """Return the names of a configuration's environments, sorted."""
    return tuple(sorted(file.stem for file in (directory / _ENVIRONMENTS).glob("*.toml")))


def _find(
    gateway: str | Path | None, environ: Mapping[str, str], *, cwd_config: bool
) -> Path | None:
    if gateway is not None:
        return _present(str(gateway), "")
    if "GATEWAY_CONFIG" in environ:
        # Set to nothing is still set: a variable that came out empty must not drop the policy.
        return _present(environ["GATEWAY_CONFIG"].strip(), "GATEWAY_CONFIG")
    if cwd_config and (_HERE / _MAIN).is_file():
        return _HERE
    if "GATEWAY_ENV" in environ:
        hint = "set GATEWAY_CONFIG to its directory, or unset GATEWAY_ENV"
        raise _nothing("GATEWAY_ENV", "is set, but there is no configuration", hint)
    return None


def _present(named: str, by: str) -> Path:
    if not named:
        raise _nothing(by, "is empty", "name a directory that holds gateway.toml, or unset it")
    directory = Path(named)
    if (directory / _MAIN).is_file():
        return directory
    if directory.is_file():
        raise _nothing(by, f"{named} is a file", "name the directory that holds gateway.toml")
    raise _nothing(by, f"there is no {directory / _MAIN}", "`gateway init` writes one")


def _environment(directory: Path, environ: Mapping[str, str]) -> str:
    names = environments(directory)
    known = f"it has: {', '.join(names)}" if names else f"{directory / _ENVIRONMENTS} has none"
    environment = variable(environ, "GATEWAY_ENV")
    if environment is None:
        what = f"is not set: it says which environment of {directory} this is"
        raise _nothing("GATEWAY_ENV", what, known)
    if environment not in names or not _ENVIRONMENT.match(environment):
        hint = nearest(environment, names) if names else known
        raise _nothing("GATEWAY_ENV", f"names no environment of {directory}", hint)
    return environment


def _nothing(key: str, message: str, suggestion: str) -> ConfigError:
    return ConfigError([Mistake(None, None, key, message, suggestion)])


def _read(directory: Path, environment: str) -> Document:
    files = (directory / _MAIN, directory / _ENVIRONMENTS / f"{environment}.toml")
    read = [_source(file) for file in files]
    mistakes = [found for found in read if isinstance(found, Mistake)]
    if mistakes:
        raise ConfigError(mistakes)
    return Document.of(*(found for found in read if isinstance(found, Source)))


def _source(file: Path) -> Source | Mistake:
    """Read one file; what cannot be read is a mistake, and its text is not repeated."""
    try:
        source = parsed(str(file), text_of(file))
    except ConfigError as error:
        return error.mistakes[0]
    deep = any(len(key) > _DEPTH_LIMIT for key in source.lines)
    return Mistake(str(file), None, "", TOO_DEEP) if deep else source
