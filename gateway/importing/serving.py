"""Which models an upstream that is to be written would serve; or that there can be none such."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gateway.config.rules import upstream_faults
from gateway.config.secret import References
from gateway.config.upstreams import UPSTREAMS
from providers.contract import PlaceError
from providers.registry import PROVIDERS

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}\Z")


class NoSuchPlace(ValueError):
    """The settings are none of an upstream; its words hold no value of a setting."""


def served(provider: str, settings: Mapping[str, Any], models: Mapping[str, str]) -> dict[str, str]:
    """Return canonical id -> id there, as the gateway reads these settings.

    Secrets are taken to be there. Raises NoSuchPlace.
    """
    table = {**settings, "provider": provider, "models": dict(models)}
    for fault in upstream_faults(provider, table):
        raise NoSuchPlace(f"{fault.key} {fault.message}; {fault.suggestion}")
    found = (_REFERENCE.match(value) for value in settings.values() if isinstance(value, str))
    environ = dict.fromkeys((match[1] for match in found if match), "taken-to-be-there")
    try:
        section = UPSTREAMS[provider].model_validate(
            {**table, "name": "new"}, context=References(environ)
        )
        endpoint = PROVIDERS[provider].endpoint(section.place())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoSuchPlace(f"{where}: {first['msg']}") from None
    except PlaceError as error:
        raise NoSuchPlace(f"{error.key}: {error}") from None
    return {name: model.id for name, model in endpoint.models.items()}
