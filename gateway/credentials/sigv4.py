"""AWS Signature Version 4 by botocore's signer. Importing this module loads botocore.

Two things differ from `botocore.auth.SigV4Auth.add_auth`: only host, content-type and AWS's own
headers are signed, so a proxy that rewrites another breaks nothing; and the time is an argument.
`add_auth` also writes the session token to its debug log; nothing here logs.
"""

from __future__ import annotations

import time
from hashlib import sha256

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import ReadOnlyCredentials

from gateway.credentials.headers import without_credentials
from providers.contract import Headers, WireRequest

_SIGNED = ("x-amz-", "x-amzn-bedrock-")


class RequestSigner(SigV4Auth):
    """Signs requests with one set of keys for one service in one region."""

    def __init__(self, keys: ReadOnlyCredentials, service: str, region: str) -> None:
        super().__init__(keys, service, region)

    def sign(self, request: WireRequest, host: str, now_s: float) -> Headers:
        """Return the request's headers with date, session token and signature added.

        `host` must be the host header as sent; `now_s` is in seconds since the epoch.
        """
        timestamp = time.strftime(SIGV4_TIMESTAMP, time.gmtime(now_s))
        headers = (*without_credentials(request.headers), ("x-amz-date", timestamp))
        if self.credentials.token:
            headers = (*headers, ("x-amz-security-token", self.credentials.token))
        aws = AWSRequest(
            method=request.method, url=f"https://{host}{request.target}", data=request.body
        )
        aws.context["timestamp"] = timestamp
        signed = _signed(headers, host)
        for name, value in signed:
            aws.headers[name] = value
        return (*headers, ("authorization", self._authorization(aws)))

    def payload(self, request: AWSRequest) -> str:
        """Return the body's hash; botocore's own prepares the whole request to find the body."""
        return sha256(request.data or b"").hexdigest()

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """Return the headers that `sign` has chosen."""
        return request.headers

    def _authorization(self, aws: AWSRequest) -> str:
        to_sign = self.string_to_sign(aws, self.canonical_request(aws))
        return (
            f"AWS4-HMAC-SHA256 Credential={self.scope(aws)}, "
            f"SignedHeaders={self.signed_headers(aws.headers)}, "
            f"Signature={self.signature(to_sign, aws)}"
        )


def _signed(headers: Headers, host: str) -> Headers:
    chosen = [pair for pair in headers if pair[0] == "content-type" or pair[0].startswith(_SIGNED)]
    return (("host", host), *chosen)
