"""Attacks in prompts, payloads and answers. Each must be shown as text."""

from __future__ import annotations

from typing import Any, Final

LONG: Final = "W" * 10_000

SCRIPT: Final = "<script>window.pwned=1</script>"
IMAGE: Final = "<img src=x onerror='window.pwned=1'>"
HTMX: Final = '<div hx-get="/healthz" hx-trigger="load">fetched</div>'
BREAKER: Final = '" autofocus onfocus="window.pwned=1" x="'
CLOSER: Final = "</textarea></script></title></bdi><svg onload='window.pwned=1'>"
TEMPLATE: Final = "{{ 7*7 }} {% now 'Y' %} ${7*7}"
JS_LINK: Final = "javascript:window.pwned=1"
DATA_LINK: Final = "data:text/html,<script>window.pwned=1</script>"
BIDI: Final = "pay \u202e000,1\u202c EUR \u2066now\u2069"
ZERO_WIDTH: Final = "pay\u200bpal \ufeff\u2060.example"

TEXTS: Final[dict[str, str]] = {
    "script": SCRIPT,
    "image": IMAGE,
    "htmx": HTMX,
    "breaker": BREAKER,
    "closer": CLOSER,
    "template": TEMPLATE,
    "javascript": JS_LINK,
    "data": DATA_LINK,
    "bidi": BIDI,
    "zero-width": ZERO_WIDTH,
    "markdown": "[click](javascript:window.pwned=1) <javascript:window.pwned=1>",
    "style": "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/a.css>",
    "frame": "<iframe src=https://evil.example/></iframe><base href=//evil.example/>",
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "form": '<form action="https://evil.example/"><button>Approve</button></form>',
    "oob": '<div id="detail" hx-swap-oob="true">gone</div><i id="refresh" hx-swap-oob="true"></i>',
    "link": "https://evil.example/?a=1&b=<2>\"onmouseover='window.pwned=1'",
}
"""The short attacks by name."""


MARKDOWN: Final[dict[str, str]] = {
    "html": f"**bold** {SCRIPT} {IMAGE} {HTMX} {CLOSER} end",
    "links": "*a* [x](javascript:window.pwned=1) [y](<data:text/html,<script>1</script>>)"
    " [z](&#x6a;avascript:window.pwned=1) <javascript:window.pwned=1> [w](//evil.example) end",
    "images": "*a* ![pixel](https://evil.example/p.png) ![](data:image/svg+xml,<svg/>)"
    " [![in](https://evil.example/q.png)](https://evil.example) end",
    "autolinks": "*a* <https://evil.example/%E2%80%AEgpj.exe> <evil@evil.example>"
    " <https://bank.example@evil.example/?<script>> end",
    "attributes": '[a](https://evil.example \'x" onclick="window.pwned=1\') `" onload=x` *b* end',
    "brackets": "*a* " + "[" * 4_000 + "]" * 4_000 + " end",
    "table": "|" + " a |" * 200 + "\n|" + "-|" * 200 + "\n" + "|<b>|\n" * 400 + " end",
    "wide": "|" + f" {LONG[:400]} |" * 9 + "\n|" + "-|" * 9 + "\n|x|\n\nend",
    "quotes": "> " * 60 + "hidden end",
    "headings": f"# {SCRIPT}\n###### {LONG}\n# <h1>x</h1>\nend",
    "code": f"```html\n{SCRIPT}\n{LONG}\n```\n~~~\n{CLOSER} end",
    "bidi": f"**{BIDI}** [{ZERO_WIDTH}](https://evil.example/{BIDI.split()[1]}) end",
}
"""The attacks in the text of a prompt below its headline, by name."""


def nested(depth: int) -> Any:
    """Return an attack inside lists, at this depth."""
    value: Any = SCRIPT
    for _ in range(depth):
        value = [value]
    return value


PAYLOADS: Final[dict[str, Any]] = {
    "values": {f"{name} value": text for name, text in TEXTS.items()},
    "keys": {text: name for name, text in TEXTS.items()},
    "long": {"word": LONG, LONG: "a long key", "list": [LONG, LONG], "path": "a/" * 3_000},
    "rows": [{"n": n, SCRIPT: IMAGE, "word": LONG[:300], "link": JS_LINK} for n in range(70)],
    "wide": {f"key {n}": {HTMX: [n, BREAKER]} for n in range(300)},
    "list": [n if n % 7 else CLOSER for n in range(5_000)],
    "deep": {"in": nested(28)},
    "prose": "\n".join([BIDI, *TEXTS.values()] * 20),
    "change": {
        "before": {SCRIPT: IMAGE, "text": "\n".join(TEXTS.values()), "word": LONG, "gone": HTMX},
        "after": {SCRIPT: HTMX, "text": "\n".join([*TEXTS.values(), BIDI]), "word": LONG[1:]},
    },
    "scalar": BREAKER,
    "nothing": {"": "", " ": None, "\t\n": [], "{}": {}, "[]": [[]], "a.b": 0},
}
"""The payloads of requests by name."""

NAME = '"><script>window.pwned=1</script> {{ 7*7 }}'
"""The name of a workflow with requests. Slashes and quotes must work in addresses, too."""
