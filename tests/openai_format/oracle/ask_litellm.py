"""Print what LiteLLM makes of requests for the Messages API. Runs in an environment of its own.

Reads {name: request} from standard input; prints its version, and by name the request and the body
that it becomes, or why it is refused.
"""

from __future__ import annotations

import copy
import importlib.metadata
import json
import os
import sys
from typing import Any

# It would fetch prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
SHOWN = 200


def translated(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a request becomes, beside it."""
    from litellm.llms.anthropic.chat.transformation import AnthropicConfig  # noqa: PLC0415
    from litellm.utils import get_optional_params  # noqa: PLC0415

    given = copy.deepcopy(request)
    model, messages = given.pop("model"), given.pop("messages")
    try:
        options = get_optional_params(
            model=model, custom_llm_provider="anthropic", messages=messages, **given
        )
        body = AnthropicConfig().transform_request(
            model=model, messages=messages, optional_params=options, litellm_params={}, headers={}
        )
    except Exception as error:  # noqa: BLE001 - whatever it says of a request
        words = str(error).splitlines()[0][:SHOWN]
        return {"asked": request, "refused": f"{type(error).__name__}: {words}"}
    return {"asked": request, "body": body}


def main() -> None:
    asked = json.load(sys.stdin)
    told = {name: translated(request) for name, request in asked.items()}
    found = {"litellm": importlib.metadata.version("litellm"), "translated": told}
    json.dump(found, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
