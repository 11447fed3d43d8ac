"""Whether text can be read: the contrast of every text on a page against what lies behind it (WCAG 2.2)."""

from __future__ import annotations

from playwright.sync_api import Page

_TOO_FAINT = r"""
() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // The browser itself turns any colour into four numbers.
  const channels = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => top[3] * c + (1 - top[3]) * under[i]);
  const luminance = (rgb) => rgb.map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    const ground = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.map(channels).reduce((under, top) => over(top, under), ground);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("").trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest(".skip, script, style") || element.getBoundingClientRect().width < 2) continue;
    const style = getComputedStyle(element);
    const under = behind(element);
    const ink = over(channels(element.closest("svg") ? style.fill : style.color), under);
    const [dark, light] = [luminance(ink), luminance(under)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`);
  }
  return found;
}
"""


def too_faint(page: Page) -> list[str]:
    """Texts of the page with a contrast below 4.5, each after its contrast."""
    found: list[str] = page.evaluate(_TOO_FAINT)
    return found
