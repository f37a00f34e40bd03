"""One worker: opens a model, answers requests on the socket that it was given as its standard input.

    python worker.py MODEL_DIRECTORY SETTINGS_JSON

A frame is `MLWF`, the length of its header (4 bytes, little-endian), the length of its body (8 bytes), the header (JSON), the
body. Tensors stand in the body one after the other in the order of the header, little-endian, row-major; texts as 4 bytes of
length and their bytes each.

Only the standard library and numpy are needed; pandas is used where the signature has columns, everything else is what the
model itself imports.
"""

import inspect
import json
import os
import socket
import struct
import sys
import traceback

HEAD = struct.Struct("<4sIQ")
MAGIC = b"MLWF"
PLAIN = {
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
}
PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle")


def main():
    channel = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # What a model prints is not an answer.
    os.dup2(2, 1)
    follow_parent()
    directory, settings = sys.argv[1], json.loads(sys.argv[2])
    try:
        import numpy

        if settings.get("form") == "frame":
            # Now, so that the first request does not wait for it.
            import pandas  # noqa: F401
        model = load(directory, settings)
        about = {"ready": True, "loader": model.loader, "methods": model.methods(), "numpy": numpy.__version__}
        about["python"] = sys.version.split()[0]
        send(channel, about, b"")
    except BaseException as error:
        send(channel, failure(error, "load"), b"")
        return
    while True:
        frame = receive(channel)
        if frame is None:
            return
        header, body = frame
        try:
            if header["op"] == "stream":
                answer, out = stream(channel, model, settings, header, body)
            else:
                answer, out = serve(model, settings, header, body)
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
                error = RuntimeError(f"the model asked to leave: {error!r}")
            answer, out = failure(error, "run"), b""
        answer["id"] = header.get("id")
        send(channel, answer, out)


def follow_parent():
    """Ends with the process that watches this one. A change of user on the way here has cleared that."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)
    except (ImportError, AttributeError, OSError):
        pass


def failure(error, during):
    kind = type(error).__name__
    text = str(error).strip() or kind
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-6:])
    return {"error": {"during": during, "kind": kind, "message": text[:4000], "trace": trace[-6000:]}}


def serve(model, settings, header, body):
    operation = header["op"]
    if operation == "ping":
        return {}, b""
    if operation == "export":
        tensors = [("model.skops", model.skops())]
        return encode("export", tensors)
    inputs = decode(header["inputs"], body)
    result = model.call(header.get("method") or "predict", arguments(inputs, settings, header), params(header))
    return encode(*tensors_of(result))


def stream(channel, model, settings, header, body):
    """A frame for each part that the model gives, as JSON and marked `more`; the last one has no part."""
    inputs = decode(header["inputs"], body)
    for part in model.stream(arguments(inputs, settings, header), params(header)):
        text = json.dumps(jsonable(part), default=default, allow_nan=False)
        answer, out = encode("text", [("part", text.encode())])
        answer.update(id=header.get("id"), more=True)
        send(channel, answer, out)
    return {}, b""


# Frames.


def receive(channel):
    head = exactly(channel, HEAD.size)
    if head is None:
        return None
    magic, header, body = HEAD.unpack(head)
    if magic != MAGIC:
        raise SystemExit("not a frame")
    return json.loads(exactly(channel, header)), exactly(channel, body)


def exactly(channel, count):
    data = bytearray(count)
    view, got = memoryview(data), 0
    while got < count:
        read = channel.recv_into(view[got:])
        if read == 0:
            return None
        got += read
    return data


def send(channel, header, body):
    text = json.dumps(header, allow_nan=False).encode()
    channel.sendall(HEAD.pack(MAGIC, len(text), len(body)) + text)
    if len(body):
        channel.sendall(body)


def decode(described, body):
    import numpy

    inputs, at = [], 0
    for tensor in described:
        name, dtype, shape, size = tensor["name"], tensor["dtype"], tensor["shape"], tensor["bytes"]
        part = memoryview(body)[at : at + size]
        at += size
        if dtype == "bytes":
            values, place = [], 0
            while place < size:
                (length,) = struct.unpack_from("<I", part, place)
                values.append(bytes(part[place + 4 : place + 4 + length]))
                place += 4 + length
            array = numpy.empty(len(values), dtype=object)
            for index, value in enumerate(values):
                try:
                    array[index] = value.decode()
                except UnicodeDecodeError:
                    # One byte that no text is stands for a missing one.
                    array[index] = None if value == b"\xff" else value
        else:
            # A copy: models may write into what they are given.
            array = numpy.frombuffer(part, dtype=numpy.dtype(dtype)).copy()
        inputs.append((name, array.reshape(shape)))
    return inputs


def encode(form, tensors):
    import numpy

    described, parts = [], []
    for name, value in tensors:
        if isinstance(value, bytes):
            described.append({"name": name, "dtype": "bytes", "shape": [1], "bytes": len(value) + 4})
            parts.append(struct.pack("<I", len(value)) + value)
            continue
        array = numpy.asarray(value)
        if array.dtype.kind == "M":
            array = array.astype("datetime64[us]").astype(str)
        if array.dtype.name not in PLAIN and array.dtype.kind not in "OUST":
            array = array.astype(numpy.float32 if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else str)
        if array.dtype.kind in "OUST":
            texts = [text_of(v) for v in array.reshape(-1)]
            data = b"".join(struct.pack("<I", len(t)) + t for t in texts)
            dtype = "bytes"
        else:
            data = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).tobytes()
            dtype = array.dtype.name
        described.append({"name": str(name), "dtype": dtype, "shape": list(array.shape), "bytes": len(data)})
        parts.append(data)
    return {"form": form, "outputs": described}, b"".join(parts)


def text_of(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if value is None:
        return b""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str).encode()
    return str(value).encode()


# What a model takes, and what it gives.


def arguments(inputs, settings, header):
    """A data frame where the signature has columns (or the caller says so), else arrays as they came."""
    columns = {c["name"]: c["type"] for c in settings.get("columns") or []}
    form = header.get("form") or settings.get("form") or ("frame" if columns else "array")
    if form == "frame":
        import pandas

        if len(inputs) == 1 and inputs[0][1].ndim == 2 and inputs[0][0] not in columns:
            array = inputs[0][1]
            names = list(columns) if len(columns) == array.shape[1] else None
            return pandas.DataFrame(array, columns=names)
        return pandas.DataFrame({name: column(array, columns.get(name)) for name, array in inputs})
    if len(inputs) == 1 and (form == "array" or not inputs[0][0]):
        return inputs[0][1]
    return dict(inputs)


def params(header):
    """JSON of its own, as it may hold NaN."""
    text = header.get("params")
    return json.loads(text) if text else None


def column(array, kind):
    array = array.reshape(-1) if array.ndim > 1 and array.shape[1:] == (1,) else array
    if array.ndim > 1:
        return list(array)
    if kind == "datetime":
        import pandas

        return pandas.to_datetime(array)
    if kind == "binary":
        return [v.encode() if isinstance(v, str) else v for v in array]
    return array


def tensors_of(result):
    import numpy

    kind = type(result).__module__.split(".")[0]
    if kind == "pandas":
        if hasattr(result, "columns"):
            return "frame", [(name, result[name].to_numpy()) for name in result.columns]
        return "series", [(result.name or "predictions", result.to_numpy())]
    if kind == "torch":
        result = result.detach().cpu().numpy()
    elif kind == "tensorflow":
        result = result.numpy()
    elif kind == "scipy":
        result = result.toarray()
    if isinstance(result, dict):
        return "dict", [(name, plain(value)) for name, value in result.items()]
    if isinstance(result, (str, bytes)):
        return "text", [("predictions", numpy.array([result], dtype=object))]
    return ("list" if isinstance(result, (list, tuple)) else "array"), [("predictions", plain(result))]


def plain(value):
    import numpy

    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if hasattr(value, "numpy") and not isinstance(value, numpy.ndarray):
        return value.numpy()
    try:
        array = numpy.asarray(value)
    except ValueError:
        array = None
    if array is None or (array.dtype == object and not all(isinstance(v, (str, bytes)) for v in array.reshape(-1))):
        items = list(value) if isinstance(value, (list, tuple, numpy.ndarray)) else [value]
        array = numpy.empty(len(items), dtype=object)
        array[:] = [v if isinstance(v, str) else json.dumps(v, default=default) for v in items]
    return array


def jsonable(part):
    """Chunks of MLflow's own classes are pydantic's or dataclasses."""
    for method in ("model_dump", "to_dict"):
        if callable(getattr(part, method, None)) and not hasattr(part, "dtype"):
            return getattr(part, method)()
    return part


def plain_value(value):
    """A number or text of Python's own, as it would come out of JSON."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def default(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


# Opening models.


class Model:
    def __init__(self, loader, predictor, raw=None, streamer=None):
        self.loader, self.predictor, self.raw, self.streamer = loader, predictor, raw, streamer

    def methods(self):
        known = ("predict", "predict_proba", "decision_function", "transform")
        found = [name for name in known if name == "predict" or callable(getattr(self.raw, name, None))]
        return found + (["predict_stream"] if self.streams() else [])

    def streams(self):
        """Whether somebody wrote a `predict_stream` for it: MLflow's own only says that there is none."""
        own = getattr(type(getattr(self.raw, "python_model", self.raw)), "predict_stream", None)
        return self.streamer is not None and callable(own) and not own.__module__.startswith("mlflow.pyfunc.")

    def stream(self, data, params):
        """Part by part. Models that stream take one row, as a dict of its columns, or one value."""
        if hasattr(data, "columns"):
            if len(data) != 1:
                raise ValueError(f"a model that streams takes one row at a time, {len(data)} were given")
            data = {name: plain_value(data[name].iloc[0]) for name in data.columns}
        elif not isinstance(data, dict):
            values = data.reshape(-1)
            if len(values) != 1:
                raise ValueError(f"a model that streams takes one value at a time, {len(values)} were given")
            data = plain_value(values[0])
        yield from self.streamer(data, **({"params": params} if params else {}))

    def call(self, method, data, params):
        if method == "predict":
            if params and self.loader == "mlflow.pyfunc":
                return self.predictor(data, params=params)
            # As MLflow's wrapper of it: the only one that hands them on.
            return self.predictor(data, **(params if params and self.loader == "xgboost" else {}))
        function = getattr(self.raw, method, None)
        if not callable(function):
            raise AttributeError(f"the model has no method `{method}`")
        return function(data)

    def skops(self):
        """The scikit-learn model without pickle."""
        import skops.io

        raw = self.raw
        if not type(raw).__module__.startswith("sklearn."):
            raise TypeError(f"only a scikit-learn model can be written as skops, this is a {type(raw).__module__}")
        return skops.io.dumps(raw)


def load(directory, settings):
    about = os.path.join(directory, "MLmodel")
    if os.path.exists(about):
        code = os.path.join(directory, "code")
        if os.path.isdir(code):
            sys.path.insert(0, code)
        try:
            import mlflow.pyfunc
        except ImportError as error:
            return load_flavor(directory, settings.get("flavors") or {}, error)
        model = mlflow.pyfunc.load_model(directory)
        raw = None
        try:
            raw = model.get_raw_model()
        except Exception:
            raw = getattr(model, "_model_impl", None)
        return Model("mlflow.pyfunc", model.predict, raw, getattr(model, "predict_stream", None))
    return load_file(directory)


def load_flavor(directory, flavors, missing):
    """Without MLflow in the environment: the flavors whose own library suffices."""
    place = lambda name: os.path.join(directory, name)
    if "sklearn" in flavors:
        flavor = flavors["sklearn"]
        path = place(flavor["pickled_model"])
        if flavor.get("serialization_format") == "skops":
            import skops.io

            raw = skops.io.load(path, trusted=flavor.get("skops_trusted_types") or [])
        else:
            raw = unpickle(path)
        name = (flavors.get("python_function") or {}).get("predict_fn") or "predict"
        return Model("sklearn", getattr(raw, name), raw)
    if "xgboost" in flavors:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(place(flavors["xgboost"].get("data", "model.ubj")))
        known = inspect.signature(booster.predict).parameters

        def run(data, **params):
            return booster.predict(xgboost.DMatrix(data), **{k: v for k, v in params.items() if k in known})

        return Model("xgboost", run, booster)
    if "lightgbm" in flavors:
        import lightgbm

        booster = lightgbm.Booster(model_file=place(flavors["lightgbm"].get("data", "model.lgb")))
        return Model("lightgbm", booster.predict, booster)
    if "onnx" in flavors:
        import onnxruntime

        session = onnxruntime.InferenceSession(place(flavors["onnx"].get("data", "model.onnx")))

        def run(data, **_):
            feeds = data if isinstance(data, dict) else {session.get_inputs()[0].name: data}
            return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))

        return Model("onnx", run, session)
    if "pytorch" in flavors:
        folder = place(flavors["pytorch"].get("model_data", "data"))
        files = [os.path.join(folder, name) for name in ("model.pth", "model.pt2")]
        return load_torch(next((file for file in files if os.path.exists(file)), files[0]))
    raise ImportError(f"the environment has no mlflow, which this model needs ({missing})")


def load_file(directory):
    files = sorted(f for f in os.listdir(directory) if os.path.isfile(os.path.join(directory, f)))
    pickles = [f for f in files if f.endswith(PICKLES)]
    scripts = [f for f in files if f.endswith((".pt", ".pth", ".pt2"))]
    if len(pickles) == 1:
        raw = unpickle(os.path.join(directory, pickles[0]))
        if callable(getattr(raw, "predict", None)):
            return Model("pickle", raw.predict, raw)
        if callable(raw):
            return Model("pickle", lambda data, **_: raw(data), raw)
        raise TypeError(f"what `{pickles[0]}` holds is a {type(raw).__name__}: it has no predict and cannot be called")
    if len(scripts) == 1:
        return load_torch(os.path.join(directory, scripts[0]))
    if os.path.exists(os.path.join(directory, "saved_model.pb")):
        import tensorflow

        raw = tensorflow.saved_model.load(directory)
        signature = raw.signatures["serving_default"]

        def run(data, **_):
            names = list(signature.structured_input_signature[1])
            feeds = data if isinstance(data, dict) else {names[0]: data}
            return {k: v.numpy() for k, v in signature(**{k: tensorflow.constant(v) for k, v in feeds.items()}).items()}

        return Model("tensorflow", run, raw)
    if any(f.endswith(".keras") for f in files):
        import keras

        raw = keras.saving.load_model(os.path.join(directory, next(f for f in files if f.endswith(".keras"))))
        return Model("keras", lambda data, **_: raw.predict(data, verbose=0), raw)
    if "config.json" in files:
        import transformers

        # It takes a GPU by itself where there is one.
        pipe = transformers.pipeline(model=directory)
        return Model("transformers", lambda data, **_: pipe([str(v) for v in data.reshape(-1)]), pipe)
    raise FileNotFoundError("no model file that is known here: MLmodel, a pickle, .pt, saved_model.pb, .keras, config.json")


def load_torch(path):
    """An exported program, a TorchScript, or a pickle of the module; on a GPU where there is one for it."""
    import torch

    place = "cuda" if torch.cuda.is_available() else "cpu"
    if path.endswith(".pt2"):
        from torch.export.passes import move_to_device_pass

        raw = move_to_device_pass(torch.export.load(path), place).module()
    else:
        try:
            raw = torch.jit.load(path, map_location=place)
        except RuntimeError:
            raw = torch.load(path, map_location=place, weights_only=False).to(place).eval()

    def run(data, **_):
        # As MLflow's wrapper: the numbers of a table are of 32 bits.
        data = data.to_numpy(dtype="float32") if hasattr(data, "columns") else data
        with torch.inference_mode():
            return raw(torch.as_tensor(data).to(place))

    return Model("torch", run, raw)


def unpickle(path):
    if path.endswith(".joblib"):
        import joblib

        return joblib.load(path)
    try:
        import cloudpickle as pickle
    except ImportError:
        import pickle
    with open(path, "rb") as file:
        return pickle.load(file)


if __name__ == "__main__":
    main()
