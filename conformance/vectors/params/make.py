"""What MLflow's `_enforce_params_schema` makes of params, for the tests of `runtimes`: python make.py > cases.json

A time is written as the text that it came as, and a value that MLflow dies of as the empty message.
"""

import datetime
import json
import logging
import re
import warnings

from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_params_schema
from mlflow.types.schema import AnyType, Array, DataType, Map, Object, ParamSchema, ParamSpec, Property

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

usual = {"depth": 1, "stop": ["x"], "inner": {"on": True}}
options = Object([
    Property("depth", DataType.long), Property("stop", Array(DataType.string)), Property("bias", Map(DataType.double), required=False),
    Property("inner", Object([Property("on", DataType.boolean), Property("why", DataType.string, required=False)])),
    Property("rest", AnyType(), required=False), Property("narrow", DataType.integer, required=False),
    Property("rows", Array(Array(DataType.double)), required=False),
])
schema = ParamSchema([
    ParamSpec("double", DataType.double, 0.5), ParamSpec("long", DataType.long, 3), ParamSpec("integer", DataType.integer, 7),
    ParamSpec("float", DataType.float, 1), ParamSpec("string", DataType.string, "it's"), ParamSpec("boolean", DataType.boolean, False),
    ParamSpec("datetime", DataType.datetime, "2024-01-01T10:00:00"), ParamSpec("strings", DataType.string, ["x"], (-1,)),
    ParamSpec("doubles", DataType.double, [1, 2.5], (-1,)), ParamSpec("datetimes", DataType.datetime, ["2024-01-01"], (-1,)),
    ParamSpec("object", options, usual), ParamSpec("none", DataType.string, None),
])

ODD = [None, True, False, 0, 1, -7, 2**40, 0.0, 1.5, -0.0, 1e16, 1e-5, 1e300, float("nan"), float("inf"), "", "x", "it's", 'so "it\'s"', "a\nb\\", "7", "ü",
       [], [[]], {}, [1], [1, 2.5], ["a"], [None], ["a", None], ["a", 1], [True], [[1]], [[1], [2]], [[1], [2, 3]], [1, [2]], [{}], [[[1]]]]
TIMES = ["2024", "2024-05", "2024-02-29", "2023-02-29", "2024-05-06 07:08", "2024-05-06T07:08:09.5", "2024-05-06T07:08:09.123456789", "10000-01-01",
         "-0001-01-01", "20240506", "NaT", "nat", "now", "NaN", "2024-5-6", "2024-05-06T25:00", "2024-05-06t07:08", "2024-05-06T", " 2024-05-06",
         "2024-05-06T07:08Z", "2024-05-06T07:08+02:00", "2024-05-06T07:08+25:00", "2024-05-06T07:08-0230", "2024-05-06T07:08 ", "2024-05-06x"]
OBJECTS = [
    {"depth": 5}, {"more": 1}, {"depth": "x"}, {"depth": 1.5}, {"depth": None}, {"depth": True}, {"stop": []}, {"stop": None}, {"stop": "x"},
    {"stop": [1]}, {"stop": [1, "a"]}, {"stop": [None]}, {"stop": [True]}, {"stop": [1.5, None]}, {"bias": {"a": 1.5}}, {"bias": {"a": 1}},
    {"bias": {"a": 2}}, {"bias": {"a": None}}, {"bias": {"a": "x"}}, {"bias": {}}, {"bias": None}, {"bias": [1]}, {"inner": {"on": False, "why": "so"}},
    {"inner": {"on": 1}}, {"inner": {"on": True, "why": None}}, {"inner": {}}, {"inner": None}, {"inner": {"on": True, "more": 1}}, {"rest": [1, {"a": None}]},
    {"rest": None}, {"narrow": 1}, {"narrow": None}, {"rows": [[1.5], [2.5, 3.5]]}, {"rows": [[0, 1]]}, {"rows": [[2]]}, {"rows": [1.5]}, {"rows": [[]]},
]


def plain(value, came):
    if isinstance(value, list) and isinstance(came, list):
        return [plain(v, c) for v, c in zip(value, came)]
    return came if isinstance(value, (datetime.date, datetime.datetime)) else value


def case(given):
    try:
        found = _enforce_params_schema(json.loads(json.dumps(given)), schema)
    except MlflowException as error:
        return {"given": given, "error": error.message}
    except Exception:
        return {"given": given, "error": ""}
    defaults = {spec["name"]: spec["default"] for spec in schema.to_dict()}
    told = given or {}
    return {"given": given, "values": {name: plain(found[name], told.get(name, defaults[name])) for name in defaults}}


cases = [case(given) for given in (None, {}, [], [1], "x", False, True, 7, 1.5, {"nobody": 1}, {"nobody": 1, "long": 4})]
names = [spec.name for spec in schema.params]
cases += [case({name: value}) for name in names for value in ODD]
cases += [case({"datetime": time}) for time in TIMES] + [case({"datetimes": [time]}) for time in TIMES]
cases += [case({"object": {**usual, **change}}) for change in OBJECTS] + [case({"object": {"depth": 1, "stop": []}})]
# A set of several prints in any order.
cases = [c for c in cases if not re.search(r"properties: \{[^}]*, ", c.get("error", ""))]
print('{"schema": %s, "cases": [' % json.dumps(schema.to_json()))
print(",\n".join(json.dumps(c) for c in cases) + "]}")
