"""Parts of a message's content as blocks of the Messages API."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.formats.openai.asked import FilePart, ImagePart, RefusalPart, TextPart
from gateway.formats.openai.blocks import Base64, Block, Document, Image, Text, Url
from gateway.formats.openai.reading import refused

Part = TextPart | ImagePart | FilePart | RefusalPart

_DATA_URI = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w-]+=[^;,]*)*;base64,")
_URI_HEAD = 300
"""How far what stands before the data may reach."""
_PDF = "application/pdf"
_ADDRESS = ("https://", "http://")


def blocks(content: str | Sequence[Part], path: str) -> list[Block]:
    """Return content as blocks; raises Malformed with the path of a part that has no place."""
    if isinstance(content, str):
        return [Text(content)]
    return [_block(part, f"{path}[{at}]") for at, part in enumerate(content)]


def _block(part: Part, path: str) -> Block:
    if isinstance(part, TextPart):
        return Text(part.text, part.cache_control)
    if isinstance(part, ImagePart):
        return _image(part, f"{path}.image_url")
    if isinstance(part, FilePart):
        return _document(part, f"{path}.file")
    return Text(part.refusal, part.cache_control)


def _image(part: ImagePart, path: str) -> Image:
    image = part.image_url
    if image.detail == "low":
        raise refused(f"{path}.detail", "Claude always sees all of an image; send a smaller one")
    if image.url.startswith(_ADDRESS):
        return Image(Url(image.url), part.cache_control)
    return Image(_base64(image.url, f"{path}.url"), part.cache_control)


def _document(part: FilePart, path: str) -> Document:
    if part.file.file_id is not None:
        raise refused(f"{path}.file_id", "OpenAI's files are not here; send `file_data`")
    if part.file.file_data is None:
        raise refused(f"{path}.file_data", "this field is required")
    source = _base64(part.file.file_data, f"{path}.file_data")
    if source.media_type != _PDF:
        raise refused(f"{path}.file_data", f"only {_PDF} is taken; send text as text")
    return Document(source, part.file.filename, part.cache_control)


def _base64(uri: str, path: str) -> Base64:
    found = _DATA_URI.match(uri, 0, _URI_HEAD)
    if found is None:
        raise refused(path, "it has to be data:<type>;base64,<data>, or an image's address")
    return Base64(found["type"], uri[found.end() :])
