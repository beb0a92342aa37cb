"""Pictures in tests: parsed strictly, and what stands in them."""

import os
import subprocess
import sys
from xml.dom import minidom

STRANGE = [
    "a<b",
    "c&d &amp;",
    "\"double\" and 'single'",
    "two\nlines\tand a tab",
    "]]> --> <!--",
    "\u05d0\u05d1\u05d2 \u202eright to left",
    "😀 emoji",
    "zero \x00 bell \x07 escape \x1b \x9f",
    "half of a pair \ud800, no letter \ufffe",
    "$x_ \\frac $ %s {0}",
    "",
    "long " * 60,
]


def parsed(picture):
    """The document of a picture; fails unless it is well-formed."""
    return minidom.parseString(picture.svg.encode())


def elements(picture, tag):
    return parsed(picture).getElementsByTagName(tag)


def texts(picture):
    """What can be read in a picture, hints left out."""
    return [text_of(e) for e in elements(picture, "text")]


def hints(picture, part=""):
    return [t for e in elements(picture, "title") if part in (t := text_of(e))]


def text_of(element):
    return "".join(n.data for n in element.childNodes if n.nodeType == n.TEXT_NODE)


def edges(picture):
    """Lines that are weights: {hint: element}."""
    lines = elements(picture, "line")
    return {text_of(t[0]): e for e in lines if (t := e.getElementsByTagName("title"))}


def in_new_process(program):
    """What a program prints in a process of its own, with another seed for hashes."""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "77"},
    ).stdout
