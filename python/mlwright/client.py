"""The native API of a server, with the standard library."""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Iterator, Optional

from mlwright.errors import ServerError

DEFAULT = "http://127.0.0.1:5000"


class Client:
    """Talks to one server. ``server``: an address, or what ``mlwright.start()`` gave."""

    def __init__(self, server: Any = None, token: Optional[str] = None):
        self.url = _address(server).rstrip("/")
        self._credential = _credential(token)

    def get(self, path: str, **query: Any) -> Any:
        return self.json("GET", _with_query(path, query))

    def post(self, path: str, body: Any) -> Any:
        return self.json("POST", path, body)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """``path`` is what follows ``/api/v1/``."""
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        with self._open(method, f"/api/v1/{path}", data, "application/json") as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def put_blob(self, digest: str, content: bytes) -> None:
        """Sends it unless the server has it."""
        try:
            self._open("HEAD", f"/api/v1/blobs/{digest}").close()
        except ServerError as error:
            if error.status != 404:
                raise
            self._open("PUT", f"/api/v1/blobs/{digest}", content, "application/octet-stream").close()

    def chunks(self, path: str, **query: Any) -> Iterator[bytes]:
        """The bytes of an answer as they come."""
        with self._open("GET", _with_query(f"/api/v1/{path}", query)) as answer:
            while True:
                chunk = answer.read(1 << 20)
                if not chunk:
                    return
                yield chunk

    def _open(self, method: str, path: str, data: Optional[bytes] = None, kind: Optional[str] = None) -> Any:
        headers: Dict[str, str] = {"authorization": self._credential} if self._credential else {}
        if data is not None and kind:
            headers["content-type"] = kind
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            raise _refused(error, request.full_url, bool(self._credential)) from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ServerError(
                f"no server answers at {self.url}: {reason}",
                "start one with `mlwright serve` or `mlwright.start()`, or name another: server=…, or MLWRIGHT_URL",
            ) from None


def quoted(text: str) -> str:
    """As a segment of a path."""
    return urllib.parse.quote(text, safe="")


def _with_query(path: str, query: Dict[str, Any]) -> str:
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urllib.parse.urlencode(given)}" if given else path


def _address(server: Any) -> str:
    if server is not None:
        return str(getattr(server, "url", server))
    given = os.environ.get("MLWRIGHT_URL")
    started = sys.modules.get("mlwright._server")
    if not given and started is not None:
        for running in started._running.values():
            if running.process.poll() is None:
                return str(running.url)
    return given or DEFAULT


def _credential(token: Optional[str]) -> Optional[str]:
    token = token or os.environ.get("MLWRIGHT_TOKEN")
    if token:
        return f"Bearer {token}"
    name, password = os.environ.get("MLWRIGHT_USERNAME"), os.environ.get("MLWRIGHT_PASSWORD")
    if name is None or password is None:
        return None
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _refused(error: urllib.error.HTTPError, url: str, known: bool) -> ServerError:
    """The server's own words, where the answer has them."""
    try:
        told = json.loads(error.read())["error"]
        message, hint = told["message"], told.get("hint")
    except (ValueError, KeyError, TypeError):
        message, hint = f"{url} answered with {error.code}", None
    if error.code == 401 and not known:
        hint = "give a token in MLWRIGHT_TOKEN, or set MLWRIGHT_USERNAME and MLWRIGHT_PASSWORD"
    return ServerError(message, hint, error.code)
