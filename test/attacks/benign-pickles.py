"""Prints ordinary pickles as JSON, {name: base64}: what Python's own pickle writes of containers, in each protocol."""
import argparse
import base64
import collections
import datetime
import decimal
import json
import pathlib
import pickle
import uuid

shared = ["x"]
VALUES = {
    "dictionary": {"a": 1, "b": [1.5, None, True], "c": ("x", b"bytes")},
    "nested": {"layers": [{"w": [float(i) for i in range(50)]} for i in range(20)]},
    "shared": [shared, shared, {"x": shared}],
    "sets": {"a": {1, 2, 3}, "b": frozenset([1])},
    "ordered": collections.OrderedDict([("weight", 1), ("bias", 2)]),
    "counter": collections.Counter("hello"),
    "defaults": collections.defaultdict(list, {"a": [1]}),
    "numbers": [2**70, -1, 3.14, 1 + 2j, 10**40],
    "bytearray": bytearray(b"abc" * 100),
    "text": ["ünïcödé", "日本語", "a\nb", "'quoted'", "\\"],
    "dates": [datetime.datetime(2024, 1, 2), datetime.date(2024, 1, 2), datetime.timedelta(3), datetime.timezone.utc],
    "decimal": decimal.Decimal("1.5"),
    "namespace": argparse.Namespace(lr=1e-4, epochs=3, model="bert"),
    "path": pathlib.PurePosixPath("a/b"),
    "uuid": uuid.UUID(int=5),
    "long": {"token %d" % i: i for i in range(3000)},
}
out = {}
for name, value in VALUES.items():
    for protocol in range(6):
        out[f"{name}, protocol {protocol}"] = base64.b64encode(pickle.dumps(value, protocol)).decode()
print(json.dumps(out))
