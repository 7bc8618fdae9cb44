"""Writes files as torch.save does, with Python's own pickle and zip modules and without torch."""

import io
import json
import math
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

_torch, _utils = types.ModuleType("torch"), types.ModuleType("torch._utils")


def _rebuild_tensor_v2(*_):
    raise AssertionError("only its name is pickled")


_rebuild_tensor_v2.__module__ = "torch._utils"
_rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
_utils._rebuild_tensor_v2 = _rebuild_tensor_v2
_torch._utils = _utils
STORAGES = {}
for _dtype, _name in {"F16": "HalfStorage", "BF16": "BFloat16Storage", "F32": "FloatStorage"}.items():
    STORAGES[_dtype] = type(_name, (), {"__module__": "torch"})
    setattr(_torch, _name, STORAGES[_dtype])


class Storage:
    def __init__(self, dtype, content):
        self.dtype, self.content = dtype, content


class Tensor:
    """`strides` and `offset` count elements; without them the elements lie row by row."""

    def __init__(self, storage, shape, strides=None, offset=0):
        rows = [math.prod(shape[axis + 1:]) for axis in range(len(shape))]
        self.arguments = (storage, offset, tuple(shape), tuple(strides or rows), False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class _Pickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol=protocol)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        width = 4 if value.dtype == "F32" else 2
        return ("storage", STORAGES[value.dtype], str(self.storages.index(value)), "cpu",
                len(value.content) // width)


def save(value, path, protocol=2):
    """As torch.save(value, path)."""
    modules = {"torch": _torch, "torch._utils": _utils}
    hidden = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        data = io.BytesIO()
        pickler = _Pickler(data, protocol)
        pickler.dump(value)
    finally:
        for name, module in hidden.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", data.getvalue())
        archive.writestr("archive/byteorder", "little")
        for index, storage in enumerate(pickler.storages):
            archive.writestr(f"archive/data/{index}", storage.content)
        archive.writestr("archive/version", "3\n")


def read_safetensors(path):
    """{name: (dtype, shape, bytes)}"""
    content = path.read_bytes()
    length = struct.unpack_from("<Q", content)[0]
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    data = content[8 + length:]
    return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def write_safetensors(tensors, path):
    header, data = {}, bytearray()
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
