"""A page of HTML as its elements, each closed where it has to be."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "source"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""  # what stands in it, but not in what is in it


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.text = ""  # all but styles and scripts
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].text += data
            if self.open[-1].tag not in {"style", "script"}:
                self.text += data

    def find(self, tag: str, **attributes: str) -> list[Element]:
        return [
            found
            for found in self.elements
            if found.tag == tag and attributes.items() <= found.attributes.items()
        ]

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [found.attributes for found in self.find(tag, **attributes)]

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [found.text for found in self.find(tag, **attributes)]
