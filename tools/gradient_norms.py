#!/usr/bin/env python3
"""Draws how the gradient fares from the last hidden layer to the first.

    tools/gradient_norms.py LIGHT.svg DARK.svg LABEL=CSV:COLOUR:LAYER,POWER …

CSV is a file of `evengrad train --csv`; its first record is drawn. COLOUR is one
of LOOKS; the label begins at that layer and power of ten. Writes the same picture
for light and for dark pages.
"""

import csv
import html
import math
import sys

LOOKS = {
    "light": {"text": "#1f2328", "muted": "#59636e", "grid": "#d1d9e0",
              "blue": "#1f3a93", "sky": "#3d74c9", "orange": "#b24c06",
              "green": "#0b7350"},
    "dark": {"text": "#f0f6fc", "muted": "#9198a1", "grid": "#3d444d",
             "blue": "#9ccbff", "sky": "#4d97f2", "orange": "#f4a064",
             "green": "#57cc9f"},
}
WIDTH, HEIGHT = 800, 420
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 62, 48
LOW, HIGH = -40, 0  # powers of ten
FONT = "-apple-system,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif"


def rms_by_layer(path):
    """(layer, root mean square of its output's gradient) of the first record."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    step = rows[0]["step"]
    return [(row["layer"], float(row["norm"]) / math.sqrt(float(row["elements"])))
            for row in rows
            if row["step"] == step and row["tensor"] == "output gradient"
            and row["layer"] != "logits"]


def draw(look, series):
    colours = LOOKS[look]
    count = max(len(values) for *_, values in series)
    x = lambda i: LEFT + (WIDTH - LEFT - RIGHT) * (i - 1) / (count - 1)
    y = lambda power: TOP + (HEIGHT - TOP - BOTTOM) * (HIGH - power) / (HIGH - LOW)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'width="{WIDTH}" height="{HEIGHT}" font-family="{FONT}" role="img" '
           'aria-labelledby="title">',
           f'<title id="title">The gradient in a network of {count} hidden layers, '
           'layer by layer: it dies with logistic units and lives with SELU and ReLU</title>',
           f'<text x="{LEFT}" y="22" font-size="16" font-weight="600" '
           f'fill="{colours["text"]}">Does the gradient reach the first layer?</text>',
           f'<text x="{LEFT}" y="42" font-size="13" fill="{colours["muted"]}">'
           f'Root mean square of d loss / d output, {count} hidden layers of 100 units '
           'on Fashion-MNIST, step 20</text>']
    for power in range(LOW, HIGH + 1, 10):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(power):.1f}" '
                   f'y2="{y(power):.1f}" stroke="{colours["grid"]}"/>')
        label = "1" if power == 0 else f'10<tspan dy="-5" font-size="9">−{-power}</tspan>'
        out.append(f'<text x="{LEFT - 8}" y="{y(power) + 4:.1f}" font-size="12" '
                   f'text-anchor="end" fill="{colours["muted"]}">{label}</text>')
    for layer in (1, 10, 20, 30, 40, 50):
        if layer <= count:
            out.append(f'<text x="{x(layer):.1f}" y="{HEIGHT - BOTTOM + 18}" font-size="12" '
                       f'text-anchor="middle" fill="{colours["muted"]}">{layer}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" font-size="12" '
               f'text-anchor="middle" fill="{colours["muted"]}">hidden layer, from the '
               'images to the loss</text>')
    for label, colour, (layer, height), values in series:
        colour = colours[colour]
        points = [(i, math.log10(value)) for i, (_, value) in enumerate(values, 1)
                  if value > 0 and math.log10(value) >= LOW]
        path = "L".join(f"{x(i):.1f} {y(power):.1f}" for i, power in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" '
                   'stroke-width="2.5" stroke-linejoin="round"/>')
        first, power = points[0]
        out.append(f'<circle cx="{x(first):.1f}" cy="{y(power):.1f}" r="4" fill="{colour}"/>')
        out.append(f'<text x="{x(layer):.1f}" y="{y(height):.1f}" font-size="14" '
                   f'font-weight="600" fill="{colour}">{html.escape(label)}</text>')
        if first > 1:
            out.append(f'<text x="{x(first) - 10:.1f}" y="{y(power) - 2:.1f}" font-size="12" '
                       f'text-anchor="end" fill="{colour}">below what f32 can hold: '
                       f'0 in layers 1 to {first - 1}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    series = []
    for argument in sys.argv[3:]:
        label, rest = argument.split("=", 1)
        path, colour, place = rest.rsplit(":", 2)
        layer, height = map(float, place.split(","))
        series.append((label, colour, (layer, height), rms_by_layer(path)))
    for look, path in (("light", sys.argv[1]), ("dark", sys.argv[2])):
        with open(path, "w") as file:
            file.write(draw(look, series))


main()
