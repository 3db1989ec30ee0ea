"""What an answer says it used: token counts as reported, never made up, never added together.

The fields are those of `anthropic.types.Usage` and `anthropic.types.beta.BetaUsage`. A count
that is missing is None, which is not zero. A count that cannot be one (negative, boolean, not
an integer, above 2**53) is None too, and named in `flags`. Keys this version does not know are
kept in `unknown`.
"""

from gateway.usage.model import Usage
from gateway.usage.tokens import COUNTER_MAX, Iteration, Tokens

__all__ = ["COUNTER_MAX", "Iteration", "Tokens", "Usage"]
