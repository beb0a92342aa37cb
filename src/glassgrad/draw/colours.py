"""Colours that colour-blind readers tell apart, and that differ in lightness when printed grey.

The eight colours are those of Okabe and Ito (2008); signs are blue and orange, of which blue is the
darker; amounts go from white to a dark blue.
"""

from __future__ import annotations

INK, FAINT, PAPER = "#222222", "#9a9a9a", "#ffffff"
POSITIVE, NEGATIVE, ZERO = "#0b559f", "#e07b00", "#b8b8b8"
CLASSES = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000",
)  # fmt: skip
STYLES, MARKERS = ("-", "--", "-.", ":"), "os^Dv<>pP*Xh"


def mixed(first: str, second: str, part: float) -> str:
    """A colour between two, `part` of the way to the second."""
    part = min(max(part, 0.0), 1.0) if part == part else 0.0
    pairs = zip(_channels(first), _channels(second))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def lightness(colour: str) -> float:
    """How light a colour is to the eye, 0 to 1 (ITU-R BT.709)."""
    red, green, blue = _channels(colour)
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def ink_on(colour: str) -> str:
    """Black or white, whichever is legible on a colour."""
    return INK if lightness(colour) > 0.5 else PAPER


def signed(value: float, most: float) -> str:
    """Blue for positive, orange for negative, paler the nearer to zero."""
    if not most or value != value:
        return ZERO
    return mixed("#d9d9d9", POSITIVE if value >= 0 else NEGATIVE, 0.25 + 0.75 * abs(value) / most)


def amount(value: float, low: float, high: float) -> str:
    """From white for the lowest to a dark blue for the highest; grey for what is no number."""
    if value != value:
        return ZERO
    part = 0.0 if high == low else (value - low) / (high - low)
    return mixed("#ffffff", "#08306b", 0.06 + 0.8 * part)


def on_paper(colour: str) -> str:
    """A colour for thin lines: those that are nearly as light as paper are darkened."""
    return mixed(colour, INK, 0.3) if lightness(colour) > 0.75 else colour


def line_of(index: int) -> dict[str, str]:
    """Colour and style of a curve: 32 differ, and those of a colour differ on grey paper too."""
    style = STYLES[(index + index // len(CLASSES)) % len(STYLES)]
    return {"color": on_paper(of_kind(index)), "linestyle": style}


def of_kind(index: int) -> str:
    """The colour of a class or a shared weight; they repeat after eight, so label them too."""
    return CLASSES[index % len(CLASSES)]
