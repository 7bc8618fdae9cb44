"""Readers of mesh files that share nothing with sinter: standard library only, written from the formats' specifications,
strict where a reader in the field could be. Each returns (points, faces, facts)."""

import json
import re
import struct
import xml.etree.ElementTree as ElementTree
import zipfile

CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
PACKAGE = "{http://schemas.openxmlformats.org/package/2006/"


def need(condition, what):
    if not condition:
        raise ValueError(what)


def single(text):
    """The single-precision number that the text stands for, as sinter's meshes hold it."""
    return struct.unpack("<f", struct.pack("<f", float(text)))[0]


def read_glb(path):
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    need((magic, version, length) == (b"glTF", 2, len(data)), "GLB header")
    size, kind = struct.unpack_from("<I4s", data, 12)
    need(kind == b"JSON" and size % 4 == 0, "JSON chunk")
    root = json.loads(data[20:20 + size])
    binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    need(kind == b"BIN\0" and 28 + size + binary_size == len(data), "BIN chunk")
    binary = data[28 + size:]

    def values(index):
        accessor = root["accessors"][index]
        view = root["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
        code = {5126: "f", 5125: "I", 5123: "H"}[accessor["componentType"]]
        count = accessor["count"] * width
        numbers = struct.unpack_from(f"<{count}{code}", binary, view.get("byteOffset", 0) + accessor.get("byteOffset", 0))
        return [numbers[n:n + width] for n in range(0, count, width)], accessor

    primitive = root["meshes"][root["nodes"][root["scenes"][root["scene"]]["nodes"][0]]["mesh"]]["primitives"][0]
    points, accessor = values(primitive["attributes"]["POSITION"])
    for axis in range(3):
        column = [p[axis] for p in points]
        need(accessor["min"][axis] == min(column) and accessor["max"][axis] == max(column), "bounds")
    indices = [i[0] for i in values(primitive["indices"])[0]]
    faces = [tuple(indices[n:n + 3]) for n in range(0, len(indices), 3)]
    return points, faces, {"metres": 1.0, "up": root["asset"]["extras"]["up_axis"], "json": root}


def glb_bytes(path):
    """The bytes of a file's one primitive: of every attribute, without gaps, and of its indices as 32-bit numbers."""
    data = path.read_bytes()
    size, = struct.unpack_from("<I", data, 12)
    root, binary = json.loads(data[20:20 + size]), data[28 + size:]

    def packed(index):
        accessor = root["accessors"][index]
        view = root["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
        code = {5126: "f", 5125: "I", 5123: "H", 5121: "B"}[accessor["componentType"]]
        element = struct.calcsize(f"<{width}{code}")
        begin, stride = view.get("byteOffset", 0) + accessor.get("byteOffset", 0), view.get("byteStride", element)
        raw = b"".join(binary[begin + n * stride:][:element] for n in range(accessor["count"]))
        return raw if code != "H" or width > 1 else struct.pack(f"<{len(raw) // 2}I", *struct.unpack(f"<{len(raw) // 2}H", raw))

    primitive = root["meshes"][0]["primitives"][0]
    return {"indices": packed(primitive["indices"]), **{name: packed(i) for name, i in primitive["attributes"].items()}}


def read_obj(path):
    points, faces = [], []
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            points.append(tuple(map(single, words[1:])))
        elif words[:1] == ["f"]:
            faces.append(tuple(int(w) - 1 for w in words[1:]))
    return points, faces, {"text": text}


def read_ply(path):
    data = path.read_bytes()
    header, body = data.split(b"end_header\n", 1)
    lines = header.decode().splitlines()
    need(lines[:2] == ["ply", "format binary_little_endian 1.0"], "PLY header")
    vertices, triangles = (int(l.split()[2]) for l in lines if l.startswith("element"))
    need([l for l in lines if l.startswith("property")] == [
        "property float x", "property float y", "property float z", "property list uchar int vertex_indices"], "properties")
    points = [struct.unpack_from("<3f", body, 12 * n) for n in range(vertices)]
    rows = [struct.unpack_from("<B3i", body, 12 * vertices + 13 * n) for n in range(triangles)]
    need(len(body) == 12 * vertices + 13 * triangles and all(r[0] == 3 for r in rows), "PLY body")
    return points, [r[1:] for r in rows], {"text": header.decode()}


def read_stl(path):
    data = path.read_bytes()
    count, = struct.unpack_from("<I", data, 80)
    need(len(data) == 84 + 50 * count and not data.startswith(b"solid"), "STL length")
    index, points, faces = {}, [], []
    for n in range(count):
        record = struct.unpack_from("<12fH", data, 84 + 50 * n)
        face = []
        for corner in (record[3:6], record[6:9], record[9:12]):
            if corner not in index:
                index[corner] = len(points)
                points.append(corner)
            face.append(index[corner])
        faces.append(tuple(face))
    return points, faces, {"text": data[:80].rstrip(b"\0").decode()}


def read_3mf(path):
    with zipfile.ZipFile(path) as archive:
        need(archive.testzip() is None, "checksums")
        need(all(i.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for i in archive.infolist()), "compression")
        types = ElementTree.fromstring(archive.read("[Content_Types].xml"))
        known = {d.get("Extension"): d.get("ContentType") for d in types.iter(PACKAGE + "content-types}Default")}
        need(known["model"] == "application/vnd.ms-package.3dmanufacturing-3dmodel+xml", "model's content type")
        need(known["rels"] == "application/vnd.openxmlformats-package.relationships+xml", "relationships' content type")
        links = ElementTree.fromstring(archive.read("_rels/.rels"))
        starts = [l.get("Target") for l in links.iter(PACKAGE + "relationships}Relationship")
                  if l.get("Type") == "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"]
        need(len(starts) == 1 and starts[0].startswith("/"), "start part")
        text = archive.read(starts[0][1:])
    need(b"<!DOCTYPE" not in text, "document type")
    model = ElementTree.fromstring(text)
    need(model.tag == CORE + "model" and [c.tag for c in model][-2:] == [CORE + "resources", CORE + "build"], "model")
    items, objects = model.findall(f"{CORE}build/{CORE}item"), model.findall(f"{CORE}resources/{CORE}object")
    need(len(items) == len(objects) == 1 and items[0].get("objectid") == objects[0].get("id"), "build")
    need(items[0].get("transform") is None and objects[0].get("type", "model") == "model", "object")
    mesh = objects[0].find(CORE + "mesh")
    points = [tuple(single(v.get(axis)) for axis in "xyz") for v in mesh.iter(CORE + "vertex")]
    faces = [tuple(int(t.get(corner)) for corner in ("v1", "v2", "v3")) for t in mesh.iter(CORE + "triangle")]
    metres = {"micron": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "inch": 0.0254, "foot": 0.3048, "meter": 1.0}
    return points, faces, {"metres": metres[model.get("unit", "millimeter")], "up": "Z",
                           "metadata": {m.get("name"): m.text for m in model.findall(CORE + "metadata")}}


def read_usdz(path):
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        need(archive.testzip() is None, "checksums")
        for info in archive.infolist():
            name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
            need(info.compress_type == zipfile.ZIP_STORED and info.flag_bits & 9 == 0, "stored, not encrypted")
            need((info.header_offset + 30 + name + extra) % 64 == 0, "alignment")
        layer = archive.infolist()[0]
        need(layer.filename.endswith(".usda"), "default layer")
        text = archive.read(layer).decode("utf-8")
    need(text.startswith("#usda 1.0\n"), "layer header")
    need(text.count("def Mesh") == 1 and 'subdivisionScheme = "none"' in text and "xformOp" not in text, "one plain mesh")

    def field(name):
        return re.search(rf"\b{name} = (\[[^\]]*\]|\S+)", text).group(1)

    def numbers(name):
        return [single(n) for n in re.findall(r"[-+.\deE]+", field(name))]

    flat = numbers(r"point3f\[\] points")
    points = [tuple(flat[n:n + 3]) for n in range(0, len(flat), 3)]
    normals = numbers(r"normal3f\[\] normals")
    need(len(normals) == len(flat), "a normal for each vertex")
    need(all(abs(sum(n * n for n in normals[i:i + 3]) - 1) < 1e-5 for i in range(0, len(normals), 3)), "unit normals")
    counts, indices = numbers("faceVertexCounts"), [int(n) for n in numbers("faceVertexIndices")]
    need(set(counts) == {3.0} and 3 * len(counts) == len(indices), "triangles")
    extent = numbers("extent")
    for axis in range(3):
        column = [p[axis] for p in points]
        need(extent[axis] == min(column) and extent[3 + axis] == max(column), "extent")
    need(field("defaultPrim") == '"Model"' and 'def Xform "Model"' in text, "default prim")
    return points, [tuple(indices[n:n + 3]) for n in range(0, len(indices), 3)], {
        "metres": float(field("metersPerUnit")), "up": field("upAxis").strip('"'), "text": text}


READERS = {"glb": read_glb, "obj": read_obj, "ply": read_ply, "stl": read_stl, "3mf": read_3mf, "usdz": read_usdz}


def is_closed(faces):
    """Each edge is walked exactly once in each direction, and no face names a vertex twice."""
    walks = [(f[i], f[(i + 1) % 3]) for f in faces for i in range(3)]
    return len(set(walks)) == len(walks) and all((b, a) in set_of for set_of in (set(walks),) for a, b in walks)


def volume(points, faces):
    total = 0.0
    for a, b, c in ((points[i] for i in f) for f in faces):
        total += (a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
                  + a[2] * (b[0] * c[1] - b[1] * c[0])) / 6
    return total
