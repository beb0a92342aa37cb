"""The page of an animation: its frames, a slider and a button, in one file that needs no other."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from string import Template

from .svg import letters

PAGE = Template("""<figure class="glassgrad-animation" style="max-width:100%;margin:0">
<img alt="$title" style="max-width:100%" src="data:image/png;base64,$first">
<figcaption><button type="button">play</button>
<input type="range" min="0" max="$last" value="0" aria-label="frame"></figcaption>
<script>
(() => {
  const figure = document.currentScript.parentElement;
  const frames = [$frames];
  const image = figure.querySelector("img"), slider = figure.querySelector("input");
  const button = figure.querySelector("button");
  let timer = null;
  const show = n => { slider.value = n; image.src = "data:image/png;base64," + frames[n]; };
  slider.addEventListener("input", () => show(Number(slider.value)));
  button.addEventListener("click", () => {
    button.textContent = timer ? "play" : "pause";
    timer = timer ? clearInterval(timer) : setInterval(
      () => show((Number(slider.value) + 1) % frames.length), $each);
  });
})();
</script>
</figure>
""")


def page_of(frames: list[bytes], title: str, seconds: float) -> str:
    """The frames, PNG files, as a page that plays them."""
    coded = [b64encode(frame).decode() for frame in frames]
    listed = ", ".join(f'"{frame}"' for frame in coded)
    return PAGE.substitute(
        title=escape(letters(title), quote=True), first=coded[0], last=len(coded) - 1,
        frames=listed, each=round(1000 * seconds),
    )  # fmt: skip
