"""Compares an event file, as TensorBoard reads it, with --csv of the same run.

Usage: check_tensorboard.py EVENTS_FOLDER CSV
"""
import csv
import math
import sys

from tensorboard.backend.event_processing import event_accumulator


def expected_scalars(rows):
  """Yields (tag, step, value) for what the CSV's rows say."""
  for row in rows:
    step, layer, tensor = int(row["step"]), row["layer"], row["tensor"]

    def number(column):
      return float(row[column]) if row[column] else None

    if not layer:
      yield {
          "loss": ("step/loss", step, number("mean")),
          "gradient": ("gradient_norm/derived", step, number("norm")),
          "clipped gradient": ("gradient_norm/clipped", step, number("norm")),
      }[tensor]
    elif tensor == "output":
      yield f"output_mean/{layer}", step, number("mean")
      yield f"output_deviation/{layer}", step, number("deviation")
      yield f"output_zero_share/{layer}", step, number("zero_share")
      yield f"saturated_share/{layer}", step, number("saturated_share")
      yield f"dead_units/{layer}", step, number("dead_units")
    elif tensor == "output gradient":
      yield (f"output_gradient_rms/{layer}", step,
             number("norm") / math.sqrt(number("elements")))
      yield f"gradient_ratio/{layer}", step, number("gradient_ratio")
    elif tensor.endswith(" gradient"):
      name = tensor.removesuffix(" gradient")
      yield f"gradient_norm/{layer}/{name}", step, number("norm")
    elif tensor.endswith(" update"):
      name = tensor.removesuffix(" update")
      yield f"update_ratio/{layer}/{name}", step, number("update_ratio")
    else:
      yield f"norm/{layer}/{tensor}", step, number("norm")


def expected_histograms(rows):
  """Yields (tag, step, row) for every tensor of the CSV."""
  for row in rows:
    layer, tensor = row["layer"], row["tensor"]
    if not layer:
      continue
    if tensor == "output":
      tag = f"output/{layer}"
    elif tensor == "output gradient":
      tag = f"output_gradient/{layer}"
    elif tensor.endswith(" gradient"):
      tag = f"gradient/{layer}/{tensor.removesuffix(' gradient')}"
    elif tensor.endswith(" update"):
      tag = f"update/{layer}/{tensor.removesuffix(' update')}"
    else:
      tag = f"value/{layer}/{tensor}"
    yield tag, int(row["step"]), row


def near(a, b):
  return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-30)


def main(events, csv_path):
  everything = {event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0}
  read = event_accumulator.EventAccumulator(events, size_guidance=everything)
  read.Reload()
  with open(csv_path, newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  scalars = {(tag, event.step): event.value
             for tag in read.Tags()["scalars"] for event in read.Scalars(tag)}
  count = 0
  for tag, step, value in expected_scalars(rows):
    if value is None:
      assert (tag, step) not in scalars, f"{tag} of step {step} is not in the CSV"
      continue
    found = scalars.pop((tag, step), None)
    assert found is not None, f"{tag} of step {step} is missing"
    assert near(found, value), f"{tag} of step {step}: {found}, CSV: {value}"
    count += 1
  rest = {tag for tag, _ in scalars if not tag.startswith("epoch/")}
  assert not rest, f"the CSV knows nothing of {rest}"
  assert any(tag == "epoch/validation_accuracy" for tag, _ in scalars)
  histograms = {(tag, event.step): event.histogram_value
                for tag in read.Tags()["histograms"]
                for event in read.Histograms(tag)}
  for tag, step, row in expected_histograms(rows):
    found = histograms.pop((tag, step), None)
    assert found is not None, f"the histogram {tag} of step {step} is missing"
    assert near(found.min, float(row["minimum"])), (tag, step)
    assert near(found.max, float(row["maximum"])), (tag, step)
    elements = int(row["elements"])
    stride = -(-elements // 2048)
    assert found.num == sum(found.bucket) == -(-elements // stride), (tag, step)
    assert math.isclose(found.sum / found.num, float(row["mean"]), rel_tol=1e-6,
                        abs_tol=1e-12), (tag, step)
    assert found.bucket_limit == sorted(found.bucket_limit), (tag, step)
    assert found.bucket_limit[-1] > found.max, (tag, step)
    count += 1
  assert not histograms, histograms.keys()
  assert count > 100, count
  print(f"TensorBoard reads {count} numbers and histograms as the CSV has them")


if __name__ == "__main__":
  main(*sys.argv[1:])
