"""Prompts in Markdown are rendered safely, and no stored word is hidden."""

from __future__ import annotations

import re
from html import unescape

import pytest

from workflows.text.links import may_open
from workflows.text.markdown import Prompt, plain
from workflows.text.markdown.parser import MAX_MARKDOWN, MAX_TOKENS, parse

RELEASE = """\
Release **4.2** to [production](https://shop.example/deploy)?
Built by `ci`, *not* by hand.

# Changes
### Details
3. Faster search
7. New [prices](mailto:sales@shop.example)

| item | price |
|------|------:|
| cup  | 12.50 |

```sh
deploy <target>
```
"""


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_a_prompt_in_markdown_has_a_headline_a_body_and_its_source() -> None:
    prompt = Prompt.of(RELEASE)
    assert words(prompt.headline) == "Release 4.2 to production (shop.example) ?"
    assert "<strong>4.2</strong>" in prompt.headline
    assert prompt.html.startswith("<p>Built by <code>ci</code>, <em>not</em> by hand.</p>")
    assert prompt.source == RELEASE.strip()
    assert prompt.text == ""
    assert plain(RELEASE).startswith("Release 4.2 to production? Built by ci, not by hand. Changes")


def test_headings_are_below_the_headline_and_skip_no_level() -> None:
    html = Prompt.of(RELEASE).html
    assert "<h2>Changes</h2>" in html
    assert "<h3>Details</h3>" in html
    assert "<h1" not in html
    assert "<h2>Deep</h2>" in Prompt.of("Go?\n###### Deep").html
    assert Prompt.of("## Go?\n\nNow").headline == "Go?"


def test_items_keep_the_numbers_that_were_written() -> None:
    assert '<li value="3">Faster' in Prompt.of(RELEASE).html
    assert '<li value="7">New' in Prompt.of(RELEASE).html


def test_minus_signs_and_strikethrough_are_kept_in_plain_text() -> None:
    text = "Pay ~~640~~ 500?\n\n- 500 EUR\n\n+ 20 EUR\n\n* both\n"
    html = Prompt.of(text).html
    assert re.findall("<ul.*>", html) == ['<ul class="minus">', '<ul class="plus">', "<ul>"]
    assert plain(text) == "Pay ~~640~~ 500? - 500 EUR + 20 EUR * both"
    assert "<s>640</s>" in Prompt.of(text).headline


def test_tables_and_code_can_be_scrolled_by_keyboard_and_numbers_are_aligned() -> None:
    html = Prompt.of(RELEASE).html
    assert '<div class="prose-scroll" tabindex="0" role="group" aria-label="Table">' in html
    assert '<th scope="col" class="right">price</th>' in html
    assert '<td class="right">12.50</td>' in html
    assert '<pre tabindex="0" role="group" aria-label="Code">' in html
    assert "deploy &lt;target&gt;" in html
    assert "style=" not in html


@pytest.mark.parametrize(
    "text",
    [
        "Pay it?",
        "Pay it?\n\nTwo lines,  two  spaces\n    and an indent.",
        "Is 7*7 or 2 * 3 * 4 or snake_case_name right?",
        "Write to C:\\temp\\*.csv?",
        "Best regards\n--\nBob",
        "Tag #4 & &lt;b&gt; <b>bold</b>?",
        "  [brackets] and (parentheses)  ",
        "",
    ],
)
def test_a_plain_prompt_is_unchanged(text: str) -> None:
    prompt = Prompt.of(text)
    first, _, rest = text.strip().partition("\n")
    assert unescape(prompt.headline) == first
    assert prompt.text == rest.strip()
    assert (prompt.html, prompt.source) == ("", "")
    assert plain(text) == text.strip()


def test_a_long_first_line_is_cut_in_the_headline_and_complete_below() -> None:
    for text in ("word " * 100, "**word** " * 60):
        prompt = Prompt.of(text)
        assert len(unescape(prompt.headline)) <= 181
        assert prompt.headline.endswith("…")
        assert words(prompt.html or prompt.text).count("word") == text.count("word")
        assert prompt.is_long is False


def test_a_prompt_that_begins_with_a_list_or_bold_lines_is_complete_below() -> None:
    assert Prompt.of("- one\n- two").headline == "- one"
    assert words(Prompt.of("- one\n- two").html) == "one two"
    assert words(Prompt.of("**one\ntwo** three").html) == "one two three"


@pytest.mark.parametrize(
    "text",
    [
        "<script>x()</script> *a*",
        "<img src=x onerror=x()> *a*",
        "<div hx-get=/x hx-trigger=load>*a*</div>",
        "![*a*](data:image/png;base64,AAAA)",
        "**<iframe src=//evil.example>**",
        '[a](https://b.example" onclick="x()) *b*',
        "`<svg onload=x()>`",
        "| <style>*</style> |\n|---|\n| <base href=//evil.example> |",
        "```<script>\n<script>\n```",
    ],
)
def test_markup_stays_text(text: str) -> None:
    prompt = Prompt.of(text)
    html = prompt.headline + prompt.html
    assert not re.search(r"<(script|img|div hx|iframe|svg|style|base)\b", html)
    assert not re.search(r"<[^>]+ (on\w+|hx-\w+|style|src)=", html)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:x()",
        "JaVaScRiPt:x()",
        "&#x6a;avascript:x()",
        "java\tscript:x()",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/requests/",
        "#detail",
        "https://",
        "https://[broken",
        "https://pay\u212a.example",
        "https:\\\\evil.example",
        "https://bank.example@evil.example",
        "https://bank.example:pay@evil.example/x",
        "https:/evil.example",
        "https:evil.example",
        "https:///evil.example",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://bank.example:99999/",
        "https://bank..example",
        "https://%65vil.example/",
    ],
)
def test_links_are_web_or_mail_addresses_only(address: str) -> None:
    for text in (f"*a* [b]({address})", f"*a* <{address}>", f"*a* ![b]({address})"):
        assert "href=" not in Prompt.of(text).headline
    assert not may_open(address)


def test_a_link_sends_no_referrer_and_shows_its_address() -> None:
    headline = Prompt.of("See [bank.example](https://evil.example/x 'now')?").headline
    assert 'rel="noopener noreferrer nofollow"' in headline
    assert "(evil.example, now)" in headline
    assert "<small>" not in Prompt.of("See <https://bank.example/x>?").headline


def test_a_host_with_other_letters_is_shown_in_ascii() -> None:
    html = Prompt.of("*See* <https://\u0430\u0440\u0440\u04cf\u0435.example/x>").headline
    assert 'href="https://xn--80ak6aa92e.example/x"' in html
    assert "(xn--80ak6aa92e.example)" in html


def test_an_image_is_shown_as_text_and_not_loaded() -> None:
    html = Prompt.of(
        "![Plan](https://a.example/plan.png) [![Logo](https://a.example/l)](https://b.example)"
    ).headline
    assert "<img" not in html
    assert words(html) == "Plan (a.example) Logo (b.example)"


def test_characters_that_reorder_or_hide_text_are_visible_in_addresses_too() -> None:
    html = Prompt.of(
        "**pay \u202e000,1** <https://a.example/%E2%80%AEgpj.exe> &#x202e; `\u200b`"
    ).headline
    assert "⟨U+202E⟩000,1" in html
    assert "%E2%80%AEgpj.exe</bdi>" in html
    assert "&amp;#x202e;" in html
    assert "⟨U+200B⟩" in html
    assert not re.search("[\u202a-\u202e\u200b]", html)


@pytest.mark.parametrize(
    "text",
    [
        "|a|b|\n|-|-|\n|1|2|and hidden|",
        ">" * 30 + " hidden",
        "".join("  " * n + "- hidden\n" for n in range(40)),
        "*a*\n```approve all of it\nx\n```",
        "[a]: https://a.example 'hidden'\n\n[a] *b*",
    ],
)
def test_no_word_is_hidden_by_markdown(text: str) -> None:
    prompt = Prompt.of(text)
    shown = words(f"{prompt.headline} {prompt.text} {prompt.html}")
    assert sorted(re.findall(r"\w+", shown)) == sorted(re.findall(r"\w+", text))


HUGE = {
    "brackets": "[" * MAX_MARKDOWN,
    "images": "![" * (MAX_MARKDOWN // 2),
    "links": "[a](<b" * (MAX_MARKDOWN // 6),
    "emphasis": "*a_ " * (MAX_MARKDOWN // 4),
    "quotes": "> " * (MAX_MARKDOWN // 2),
    "items": "- a\n" * (MAX_MARKDOWN // 4),
    "wide table": "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n" + "|\n" * 7_000,
    "long table": "|a|b|\n|-|-|\n" + "|a|b|\n" * 2_600,
    "too long": "*a* " * MAX_MARKDOWN,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_markdown_is_bounded(name: str) -> None:
    text = HUGE[name]
    prompt = Prompt.of(text)
    assert len(parse(text)) <= MAX_TOKENS
    assert len(prompt.html) < 200_000
    assert prompt.html or prompt.text or len(prompt.headline) > 0
    assert len(plain(text)) <= 400
