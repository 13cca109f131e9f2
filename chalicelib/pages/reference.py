"""The contract as a page for people: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2327;--soft:#5b6770;--line:#d8dee3;--paper:#fff;--tint:#f4f6f8;--mark:#0b6e4f}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecef;--soft:#9aa7b1;--line:#37424a;--paper:#14191d;--tint:#1d2429;
--mark:#5fd3a9}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--paper);
color:var(--ink);font:1rem/1.55 system-ui,sans-serif}h1{margin:.2em 0}h2{margin-top:2.5rem;text-transform:capitalize}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.6rem .9rem}
details[open]{background:var(--tint)}summary{cursor:pointer}summary code{font-weight:600;overflow-wrap:anywhere}
.verb{display:inline-block;min-width:4.2em;color:var(--mark);font:600 .85rem ui-monospace,monospace}
.soft{color:var(--soft)}code{font:.9em ui-monospace,monospace}.wide{overflow-x:auto}table{border-collapse:collapse;
width:100%;margin:.6rem 0}th,td{border-bottom:1px solid var(--line);padding:.35rem .5rem;text-align:start;
vertical-align:top}h3{margin:1rem 0 .2rem;font-size:1rem}a{color:var(--mark)}
"""


def render(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document: each call with its roles, parameters, body and answer; then every error code."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_call(document, method, path, operation))
    calls = "".join(f"<h2 id='{tag}'>{escape(tag)}</h2>{''.join(rows)}" for tag, rows in groups.items())
    codes = "".join(
        f"<tr id='{escape(code)}'><td><code>{escape(code)}</code></td><td>{status}</td></tr>"
        for code, status in document["x-error-codes"].items()
    )
    info = document["info"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(info['title'])}: HTTP contract</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])}</h1><p>{_text(info['description'])}</p>"
        "<p class='soft'>Send <code>Authorization: Bearer …</code> with a key or a member's token. The same contract "
        "for machines: <a href='openapi.json'>openapi.json</a>.</p>"
        f"{calls}<h2 id='errors'>Error codes</h2><div class='wide'><table><thead><tr><th>code</th><th>status</th></tr>"
        f"</thead><tbody>{codes}</tbody></table></div></main></body></html>"
    )


def _text(words: str) -> str:
    """Prose with its names between backticks, one or two, set as such."""
    return re.sub(r"(`{1,2})([^`]+)\1", r"<code>\2</code>", escape(words))


def _call(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p class='soft'>{_text(operation.get('description', 'Nobody needs to say who they are.'))}</p>"]
    parameters = operation["parameters"]
    if parameters:
        rows = "".join(
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
            f"<td>{escape(one.get('description', ''))}</td></tr>"
            for one in parameters
        )
        parts.append(f"<h3>Parameters</h3><div class='wide'><table><tbody>{rows}</tbody></table></div>")
    if "requestBody" in operation:
        parts.append(
            "<h3>Body</h3>" + _fields(document, operation["requestBody"]["content"]["application/json"]["schema"])
        )
    for status, answer in operation["responses"].items():
        content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
        schema = content.get("schema", {})
        if status.startswith("2") and schema:
            parts.append(f"<h3>Answer {status}</h3>" + _fields(document, schema))
            break
    return (
        f"<details><summary><span class='verb'>{method.upper()}</span> <code>{escape(path)}</code><br>"
        f"{escape(operation['summary'])}</summary>{''.join(parts)}</details>"
    )


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> str:
    names = [option["$ref"].rpartition("/")[2] for option in [schema, *schema.get("anyOf", [])] if "$ref" in option]
    return "".join(_table(document, name) for name in names)


def _table(document: dict[str, Any], name: str) -> str:
    schema = document["components"]["schemas"][name]
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' <span class=soft>optional</span>'}</td>"
        f"<td>{escape(_kind(kind))}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    about = _text(schema.get("description", "").split("\n\n")[0])
    return f"<p class='soft'>{about}</p><div class='wide'><table><tbody>{rows}</tbody></table></div>"


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([str(schema.get("format", schema.get("type", "anything"))), *bounds])
