"""Ed25519 signatures of checkpoints; `cryptography` loads when one is made or checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.journal.checkpoint import Checkpoint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class BadKey(ValueError):
    """A file holds no key that signs or checks checkpoints; the message never shows its content."""


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Return the key in a PEM file; raises BadKey, or ModuleNotFoundError without cryptography."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - an extra
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise BadKey("is locked with a passphrase; give a key file without one") from None
    except ValueError:
        raise BadKey("holds no private key in PEM format") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadKey("holds a key of another kind; an Ed25519 key is needed")
    return key


def public_key(pem: bytes) -> Ed25519PublicKey:
    """Return the key in a PEM file; raises BadKey, or ModuleNotFoundError without cryptography."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - an extra
        load_pem_public_key,
    )

    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise BadKey("holds no public key in PEM format") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise BadKey("holds a key of another kind; an Ed25519 key is needed")
    return key


def signed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> Checkpoint:
    """Return the checkpoint with the key's name and its signature."""
    named = replace(checkpoint, key=_name(key.public_key()), signature=None)
    return replace(named, signature=key.sign(named.unsigned()).hex())


def is_signed_by(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Return whether the checkpoint carries this key's signature and is as it was signed."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    if checkpoint.signature is None:
        return False
    try:
        key.verify(bytes.fromhex(checkpoint.signature), checkpoint.unsigned())
    except (InvalidSignature, ValueError):
        return False
    return True


def _name(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]
