"""The service about itself: health, the OpenAPI document, its page."""

from __future__ import annotations

from chalicelib.api import answers
from chalicelib.api.door import Answer, Asked, Door

door = Door(__name__)


@door.call("GET", "/health", roles=(), summary="Whether the service answers", answer=answers.Health)
def get_health(asked: Asked) -> Answer:
    return Answer(body=answers.Health("ok"))


@door.call("GET", "/openapi.json", roles=(), summary="This contract, as OpenAPI 3.1")
def get_openapi(asked: Asked) -> Answer:
    from chalicelib.api.openapi import document

    return Answer(body=document(), headers={"Cache-Control": "public, max-age=300"})


@door.call("GET", "/docs", roles=(), summary="This contract, as a page", content_type="text/html; charset=utf-8")
def get_docs(asked: Asked) -> Answer:
    from chalicelib.api.openapi import document
    from chalicelib.pages.reference import render

    security = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
    return Answer(body=render(document()), headers={"Cache-Control": "public, max-age=300", **security})
