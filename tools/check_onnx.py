"""Checks a folder of NAME.onnx, NAME.in.safetensors and NAME.out.safetensors.

Each model is given to onnx's checker, with shape inference, and to ONNX
Runtime on the inputs; its results must be the outputs. See check_onnx.sh.
"""
import pathlib
import sys

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file

RELATIVE, ABSOLUTE = 1e-4, 1e-5
# ONNX Runtime has no kernel, or Python no type; an index is out of range, which
# ONNX leaves open and Evengrad reads as NaN.
SKIPPED = ("NOT_IMPLEMENTED", "No corresponding Numpy type",
           "out of data bounds")


def check(path):
    """None, or what is wrong; the text "skipped" where nothing can be said."""
    onnx.checker.check_model(str(path), full_check=True)
    stem = str(path).removesuffix(".onnx")
    inputs = load_file(stem + ".in.safetensors")
    expected = load_file(stem + ".out.safetensors")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options)
        results = session.run(None, {
            input.name: inputs[input.name] for input in session.get_inputs()})
    except Exception as error:  # its types have no common base
        if any(text in str(error) for text in SKIPPED):
            return "skipped"
        raise
    names = [output.name for output in session.get_outputs()]
    for name, found in zip(names, results):
        reference = expected[name]
        if path.stem.startswith("cast") and found.dtype == numpy.uint8:
            return "skipped"  # out of range, where ONNX leaves the result open
        if found.dtype != reference.dtype or found.shape != reference.shape:
            return (f"{name}: {found.dtype}{found.shape}, expected "
                    f"{reference.dtype}{reference.shape}")
        if not numpy.allclose(found, reference, RELATIVE, ABSOLUTE,
                              equal_nan=True):
            worst = numpy.nanmax(numpy.abs(found - reference))
            return f"{name}: differs by up to {worst}"
    return None


def main(folder):
    passed, skipped, failed = 0, [], 0
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        try:
            problem = check(path)
        except Exception as error:
            problem = str(error).replace("\n", " ")[:300]
        if problem is None:
            passed += 1
        elif problem == "skipped":
            skipped.append(path.stem)
        else:
            failed += 1
            print(f"{path.stem}: {problem}", file=sys.stderr)
    print(f"onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}: "
          f"{passed} models equal, {failed} not, {len(skipped)} skipped: "
          f"{', '.join(skipped)}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
