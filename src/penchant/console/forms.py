"""Small forms that browsers send."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BYTES = 256 * 1024
MAX_FIELDS = 100


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of one given twice, the last. Raises HTTPException 400 or 413 for what no page of ours sends."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError:  # not UTF-8, or too many fields
        raise HTTPException(400) from None
