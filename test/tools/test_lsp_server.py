# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe-lsp-server` answers what editors ask: errors at their places, and what an op is."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest
from command_line import program

SERVER = pathlib.Path(program()).with_name("lathe-lsp-server")
TEXT = """func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = graph.relu %x : tensor<2xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
"""


def talk(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """All that the server says to these messages."""
    sent = b""
    for message in messages:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        sent += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    result = subprocess.run([SERVER], input=sent, capture_output=True, timeout=60, check=False)
    answers, rest = [], result.stdout
    while rest:
        head, rest = rest.split(b"\r\n\r\n", 1)
        size = int(head.split(b":")[1].split(b"\r\n")[0])
        answers.append(json.loads(rest[:size]))
        rest = rest[size:]
    return answers


def opened(text: str) -> list[dict[str, Any]]:
    document = {"uri": "file:///m.mlir", "languageId": "mlir", "version": 1, "text": text}
    return [
        {"id": 0, "method": "initialize", "params": {"capabilities": {}, "processId": None}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
    ]


END: list[dict[str, Any]] = [{"id": 9, "method": "shutdown"}, {"method": "exit"}]


@pytest.fixture(autouse=True)
def _server() -> None:
    if not SERVER.exists():
        pytest.skip("MLIR's server library is not installed, so lathe-lsp-server was not built")


def errors(text: str) -> list[dict[str, Any]]:
    answers = talk(*opened(text), *END)
    (published,) = [a for a in answers if a.get("method") == "textDocument/publishDiagnostics"]
    found: list[dict[str, Any]] = published["params"]["diagnostics"]
    return found


def test_a_right_text_has_no_errors() -> None:
    assert errors(TEXT) == []


def test_an_error_is_where_it_is() -> None:
    (error,) = errors(TEXT.replace("-> tensor<2xf32>\n  ret", "-> tensor<2xi32>\n  ret", 1))
    assert error["range"]["start"]["line"] in (1, 2)
    (slip,) = errors(TEXT.replace("graph.relu", "graph.rleu"))
    assert slip["range"]["start"]["line"] == 1 and "rleu" in slip["message"]


def test_hovering_tells_what_an_op_is() -> None:
    place = {"textDocument": {"uri": "file:///m.mlir"}, "position": {"line": 1, "character": 10}}
    answers = talk(*opened(TEXT), {"id": 1, "method": "textDocument/hover", "params": place}, *END)
    (hover,) = [a["result"] for a in answers if a.get("id") == 1]
    assert "graph.relu" in hover["contents"]["value"]
