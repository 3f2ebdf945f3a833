"""The HTTP server: bytes in, validated once, one call into the layers below, bytes out. No recommendation logic lives here."""

from penchant.serving.app import create_app

__all__ = ["create_app"]
