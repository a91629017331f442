"""Answers HEAD at every address that takes GET: the same head, no body (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENT_METHOD = "sent_method"
"""The key under which a scope has the method that the client sent, where its own is another."""


def sent_method(scope: Scope) -> str:
    """Return the method that the client sent, which its proof of possession names."""
    method: str = scope.get(SENT_METHOD) or scope.get("method", "")
    return method


class HeadAsGet:
    """Wraps the framework, whose routes take HEAD or not, each as the kind of route that it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"  # The server leaves the body out, and does not miss it.
                await send(message)
                await send({"type": "http.response.body"})

        scope["method"], scope[SENT_METHOD] = "GET", "HEAD"
        try:
            await self._app(scope, receive, send_head)
        finally:
            scope["method"] = "HEAD"
