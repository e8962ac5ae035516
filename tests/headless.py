"""Pages opened in a headless Chromium: what a script finds in them, and what axe does."""

import base64
import json
import re
import shutil
import subprocess
from importlib.resources import files

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")

#: Put before everything else: it keeps what goes wrong, and shows to `read` what a script has seen.
LISTEN = """<script>
window.faults = [];
addEventListener("error", (event) => faults.push(String(event.message)));
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
console.error = (...words) => faults.push(words.join(" "));
window.show = (seen) => {
  const text = document.createElement("pre");
  text.id = "seen";
  text.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));
  parent.postMessage(text.outerHTML, "*");
};
</script>"""

#: The page in a frame of the width asked for, because no window of Chromium is narrower than 500 pixels.
_FRAME = """<!doctype html><body><iframe src="{address}" width="{width}" height="2000" style="border: 0"></iframe>
<script>addEventListener("message", (event) => {{ document.body.innerHTML = event.data; }});</script></body>"""

#: Put at the end: what axe finds against levels A and AA of the accessibility guidelines, and errors. Of the figures,
#: the first of each kind (types of traces, and what is drawn on them) is drawn, because axe takes seconds for thousands
#: of nodes of the same kinds; the other figures are checked as the page holds them before they are drawn. Of ticks
#: and points next to each other, the first is checked.
_AXE = """<script>
addEventListener("load", async () => {
  for (const details of document.querySelectorAll("details.more")) details.open = true;
  setTheme(location.hash.slice(1));
  const kind = ({ data, layout }) => JSON.stringify([
    [...new Set(data.map((trace) => [trace.type, trace.mode, trace.showlegend, !!trace.texttemplate].join()))].sort(),
    Object.keys(layout).filter((key) => /^(annotations|shapes|images|sliders|updatemenus|.axis\\d)/.test(key)),
  ]);
  const kinds = new Map([...plots].reverse().map((plot) => [kind(parts(plot)), plot]));
  await Promise.all([...kinds.values()].map(draw));
  const repeated = [".xtick", ".ytick", ".point"].map((one) => [`.plot svg ${one} ~ ${one}`]);
  const levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
  const found = await axe.run({ include: [["html"]], exclude: repeated }, { runOnly: levels });
  const violations = found.violations.map((one) => one.id + ": " + one.nodes[0].html);
  if (root.scrollWidth > innerWidth) violations.push("the page scrolls sideways");
  const seen = { width: innerWidth, passes: found.passes.length, violations: [...violations, ...faults] };
  show(seen);
});
</script>"""


def chromium(*words):
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        *words,
    ]
    return subprocess.run(command, capture_output=True, check=True, timeout=180)


def read(page, width, theme, script):
    """Return what a script finds in the page, in a window of this width."""
    text = (
        page.read_text(encoding="utf-8")
        .replace("<head>", f"<head>{LISTEN}")
        .replace("</body>", f"{script}</body>")
    )
    watched = page.with_name("watched.html")
    watched.write_text(text, encoding="utf-8")
    framed = page.with_name("framed.html")
    framed.write_text(_FRAME.format(address=f"watched.html#{theme}", width=width), encoding="utf-8")
    done = chromium(
        f"--window-size={max(width, 500) + 20},2020",
        "--virtual-time-budget=60000",
        "--dump-dom",
        f"file://{framed}",
    )
    found = re.search(r'<pre id="seen">([^<]+)</pre>', done.stdout.decode())
    assert found, done.stderr.decode()[-2000:]
    return json.loads(base64.b64decode(found[1]))


def complaints(page, widths=((390, "dark"), (1440, "light"))):
    """Return what axe finds against levels A and AA in the page at these widths, errors, and scrolling sideways."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    found = []
    for width, theme in widths:
        seen = read(page, width, theme, f"<script>{axe}</script>{_AXE}")
        assert seen["width"] == width
        assert seen["passes"] > 15
        found += [(width, theme, one) for one in seen["violations"]]
    return found
