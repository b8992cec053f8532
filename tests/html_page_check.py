#!/usr/bin/env python3
"""Opens pages of `evengrad dump --format=html` in headless Chromium and uses
them: no error, no request, time to open, folding, search, links, keys.

    tests/html_page_check.py EVENGRAD FOLDER [PART_OF_A_NAME]

FOLDER gets the pages and screenshots. With a third argument, only pages whose
name holds it ("100_plan"). Needs the package playwright and a
Chromium (CHROMIUM, or the one on the path). tools/check_html.sh runs it.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

from playwright.sync_api import TimeoutError, sync_playwright

EVENGRAD, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
PART = sys.argv[3] if len(sys.argv) > 3 else ""
STAGES = ["model", "gradients", "training", "optimized", "plan"]


def model(layers, width=100, classes=10, hostile=False):
    """Graph text of a network of sigmoid units, with its loss as a result."""
    odd = '</script><script>document.title=\\"broken out\\"</script>'
    name = (lambda i: f"{odd}{i}") if hostile else (lambda i: f"hidden{i}")
    quoted = (lambda n: f'%"{n}"') if hostile else (lambda n: f"%{n}")
    lines = ["evengrad 1", "program training {",
             "  %images: f32[batch,784] = placeholder()",
             "  %labels: i32[batch] = placeholder()"]
    value, columns = "%images", 784
    for i in range(1, layers + 2):
        scope = name(i) if i <= layers else "logits"
        units = width if i <= layers else classes
        at = lambda part: quoted(f"{scope}/{part}") if i <= layers else f"%{scope}/{part}"
        lines += [
            f"  {at('start')}: f32[{columns},{units}] = auto_initializer()",
            f"  {at('weights')}: f32[{columns},{units}] = parameter() initialized {at('start')}",
            f"  {at('matmul')}: f32[batch,{units}] = matmul({value}, {at('weights')})"]
        value, columns = at("matmul"), units
        if i <= layers:
            lines.append(f"  {at('sigmoid')}: f32[batch,{units}] = sigmoid({value})")
            value = at("sigmoid")
    lines += [f"  %losses: f32[batch], f32[batch,{classes}] = "
              f"sparse_softmax_cross_entropy({value}, %labels)",
              "  %mean_loss: f32[] = reduce_mean(%losses)",
              f"  return loss=%mean_loss, logits=%logits/matmul", "}", ""]
    return "\n".join(lines)


def statistics(layers, width=100, classes=10):
    """Records in which the gradient dies towards the first layer."""
    lines = ["step,layer,tensor,elements,mean,deviation,minimum,maximum,norm,"
             "zero_share,nans,infinities,saturated_share,dead_units,"
             "gradient_ratio,update_ratio"]
    for step in (100, 200, 300):
        lines += [f"{step},,loss,,2.3,,,,,,,,,,,", f"{step},,gradient,,,,,,0.5,,,,,,,",
                  f"{step},,clipped gradient,,,,,,0.5,,,,,,,"]
        for i in range(1, layers + 2):
            layer = f"hidden{i}" if i <= layers else "logits"
            units = width if i <= layers else classes
            rows = 784 if i == 1 else width
            norm = 10.0 ** (-0.2 * (layers + 1 - i))
            lines += [
                f"{step},{layer},output,{32 * units},0,0.3,-1,1,9,0,0,0,0.1,,,",
                f"{step},{layer},output gradient,{32 * units},0,{norm},0,0,{norm},0,0,0,,,,",
                f"{step},{layer},weights,{rows * units},0,1,-1,1,10,0,0,0,,,,",
                f"{step},{layer},weights gradient,{rows * units},0,1,0,0,{norm},0,0,0,,,,",
                f"{step},{layer},weights update,{rows * units},0,1,0,0,{norm},0,0,0,,,,"
                f"{norm * 1e-3}"]
    return "\n".join(lines) + "\n"


def dump(file, page, *flags):
    subprocess.run([EVENGRAD, "dump", file, "--format=html", "--size=batch=32",
                    f"--output={page}", *flags], check=True)


def make_pages():
    pages = {}
    for layers in (20, 100):
        file = FOLDER / f"{layers}.eg"
        file.write_text(model(layers))
        csv = FOLDER / f"{layers}.csv"
        csv.write_text(statistics(layers))
        for stage in STAGES:
            name = f"{layers}_{stage}"
            pages[name] = FOLDER / f"{name}.html"
            loss = [] if stage == "model" else ["--loss=loss"]
            dump(file, pages[name], f"--stage={stage}", "--optimizer=adam",
                 "--clip=global_norm:1", *loss)
        name = f"{layers}_statistics"
        pages[name] = FOLDER / f"{name}.html"
        dump(file, pages[name], "--stage=training", f"--statistics={csv}")
    file = FOLDER / "hostile.eg"
    file.write_text(model(3, hostile=True).replace("logits", "l" * 10_000))
    pages["hostile"] = FOLDER / "hostile.html"
    dump(file, pages["hostile"], "--stage=training")
    return pages


class Page:
    """A page, and what went wrong on it."""

    def __init__(self, browser, path, dark=False):
        context = browser.new_context(viewport={"width": 1440, "height": 900},
                                      color_scheme="dark" if dark else "light")
        self.page = context.new_page()
        self.trouble = []
        self.page.on("console", lambda m: self.trouble.append(m.text)
                     if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on("request", lambda r: self.trouble.append(r.url)
                     if not r.url.startswith("file:") else None)
        metrics = context.new_cdp_session(self.page)
        metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.page.goto(f"file://{path}")
        try:
            self.page.wait_for_selector("html[data-ready]", timeout=30_000)
        except TimeoutError:
            raise SystemExit(f"{path} does not open: {self.trouble}") from None
        # From the start of the navigation until the first picture is there.
        self.milliseconds = self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => "
            "setTimeout(() => done(performance.now()))))")
        # What the page's thread computed for it, whoever else is busy.
        self.computed = 1000 * next(
            m["value"] for m in metrics.send("Performance.getMetrics")["metrics"]
            if m["name"] == "TaskDuration")

    def rows(self):
        return self.page.locator('[role="treeitem"][aria-level="1"]').count()

    def boxes(self):
        return self.page.locator('[role="treeitem"][aria-level="2"]').count()

    def picked(self):
        return self.page.locator(".side h2").first.inner_text()

    def search(self, text):
        self.page.fill("#search", text)
        self.page.press("#search", "Enter")


def expect(condition, what):
    if not condition:
        raise SystemExit(f"html_page_check: {what}")


def check_use(page, layers):
    """Folding, search, links and keys of a training graph."""
    folded = page.rows()
    expect(folded < 15, f"{layers} layers fold to {folded} rows")
    inside = page.page.evaluate(
        "[...document.querySelectorAll('[aria-level=\"1\"]')].every(row => "
        "{ const r = row.getBoundingClientRect(); return r.top >= 0 && "
        "r.bottom <= innerHeight; })")
    expect(inside, f"{layers} layers fold to more than one screen")
    expect(page.page.locator(".badge").first.text_content() == f"× {layers - 1}",
           "equal layers are not one with a count")
    middle = f"hidden{layers // 2}"
    page.search(f"{middle}/matmul")
    expect(page.picked() == f"{middle}/matmul", "search does not find a node")
    expect(page.boxes() > 3, "a layer does not unfold")
    expect(page.page.locator(".partner").count() >= 2,
           "the gradients of a node are not marked")
    page.page.click(f'.side button.link:has-text("gradient/{middle}/matmul/matmul") >> nth=0')
    expect(page.picked() == f"gradient/{middle}/matmul/matmul",
           "a link does not lead to the gradient")
    expect(page.page.locator(".node.selected").is_visible(),
           "the selected node is not in sight")
    page.page.click(f'.side button.link:has-text("{middle}/matmul") >> nth=0')
    expect(page.picked() == f"{middle}/matmul", "no way back from the gradient")
    page.page.keyboard.press("Escape")
    page.page.click("#fold")
    expect(page.rows() == folded, "not all folds again")
    page.page.click("#unfold")
    expect(page.boxes() > 10, "not all unfolds")
    page.page.click("#fold")
    # With the keyboard alone.
    page.page.locator('[role="treeitem"][tabindex="0"]').focus()
    for _ in range(2):
        page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowRight")
    for _ in range(2):
        page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    expect(page.picked().startswith("hidden3/"),
           f"keys lead to {page.picked()}")
    page.page.click("#fold")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = make_pages()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium,
                                             args=["--no-sandbox"])
        for name, path in pages.items():
            if PART not in name:
                continue
            for dark in (False, True):
                page = Page(browser, path, dark)
                look = "dark" if dark else "light"
                page.page.screenshot(path=FOLDER / f"{name}_{look}.png")
                if not dark:
                    busy = os.getloadavg()[0] > os.cpu_count()
                    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB, "
                          f"{page.milliseconds / 1000:.2f} s to open, "
                          f"{page.computed / 1000:.2f} s of its thread"
                          f"{' (the machine is busy)' if busy else ''}", flush=True)
                    expect((page.computed if busy else page.milliseconds) < 2000,
                           f"{name} opens too slowly")
                if not dark and name.endswith("_training"):
                    check_use(page, int(name.split("_")[0]))
                if name.endswith("_plan"):
                    page.page.click('[data-tab="arena"]')
                    expect(page.page.locator("rect.buffer").count() > 20,
                           "the arena is empty")
                    page.page.screenshot(path=FOLDER / f"{name}_memory_{look}.png")
                if name.endswith("_statistics"):
                    word = page.page.locator(".verdict .word").inner_text()
                    expect("vanishing" in word, f"the verdict is '{word}'")
                    page.page.click('[data-tab="table"]')
                    page.page.screenshot(path=FOLDER / f"{name}_table_{look}.png")
                if name == "hostile":
                    expect("broken out" not in page.page.title(), "a name is markup")
                    page.search("l" * 50)
                    page.page.screenshot(path=FOLDER / f"{name}_{look}.png")
                expect(not page.trouble, f"{name}: {page.trouble}")
                page.page.context.close()
        browser.close()
    print("All pages open and work.")


main()
