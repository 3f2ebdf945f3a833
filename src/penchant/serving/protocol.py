"""HTTP/1.1 where even the parser gives up: bytes that are no request get our error shape too."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penchant.serving.errors import error_body

_MESSAGE = "this is not an HTTP/1.1 request; characters outside ASCII in a URL must be percent-encoded (curl -G --data-urlencode 'q=…')"


class Protocol(HttpToolsProtocol):
    """One connection."""

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that cannot be read, and hang up."""
        body = error_body(400, _MESSAGE)
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)
        self.transport.close()
