"""A scripted stand-in for the model: the part of `/v1/messages` that Claude Code needs, on the loopback."""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: The client folds neighbouring messages with the same identifier into one.
_NUMBERS = itertools.count()


class Model:
    """Makes these tool calls, one a turn, and then says `finished`. Keeps every request."""

    def __init__(self, *calls: tuple[str, dict[str, Any]]) -> None:
        self.calls = calls
        self.requests: list[dict[str, Any]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                path = self.path.split("?")[0]
                if path == "/v1/messages":
                    self.answer(*model.respond(body))
                else:
                    self.answer("application/json", json.dumps({"input_tokens": 10}))

            def do_GET(self) -> None:
                self.answer("application/json", "{}")

            def do_HEAD(self) -> None:
                self.answer("application/json", "")

            def answer(self, kind: str, text: str) -> None:
                data = text.encode()
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def told(self, request: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The tool results in a request, the last one if none is given, one after the other."""
        if request is None:
            request = max(self.requests, key=lambda one: len(self.told(one)))
        blocks = [block for message in request["messages"] for block in _blocks(message)]
        return [block for block in blocks if block.get("type") == "tool_result"]

    def respond(self, body: dict[str, Any]) -> tuple[str, str]:
        self.requests.append(body)
        block: dict[str, Any] = {"type": "text", "text": "ok"}
        if body.get("tools"):
            done = len(self.told(body))
            block["text"] = "finished"
            if done < len(self.calls):
                name, parameters = self.calls[done]
                block = {"type": "tool_use", "id": f"toolu_{done}", "name": name, "input": parameters}
        message = {
            "id": f"msg_{next(_NUMBERS)}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "content": [block],
            "stop_reason": "tool_use" if block["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }
        if not body.get("stream"):
            return "application/json", json.dumps(message)
        start: dict[str, Any] = {"type": "text", "text": ""}
        delta: dict[str, Any] = {"type": "text_delta", "text": block.get("text")}
        if block["type"] == "tool_use":
            start, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
            )
        end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": 10}},
            {"type": "message_stop"},
        ]
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
        return "text/event-stream", "".join(lines)


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []
