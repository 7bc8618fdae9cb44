"""Maps, unwrapping and baking as a user runs them: texture_test.py PROGRAM [TEST ...]."""

import json
import shutil
import signal
import struct
import sys
import unittest

import mesh_readers
import pictures
from cli_test import ARGUMENT, CANCELLED, CORRUPT, IO, NOT_FOUND, TETRAHEDRON, UNSUPPORTED, ProgramTest


class TextureTest(ProgramTest):
    def run_maps(self, *arguments):
        return self.run_program("maps", "--quiet", *arguments)

    def run_unwrap(self, *arguments):
        return self.run_program("unwrap", "--quiet", *arguments)


class MapsTest(TextureTest):
    KINDS = ("normal", "position", "depth", "mask")

    def test_six_views_and_metrics(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        result = self.run_maps(mesh, "-o", self.folder / "maps", "--size", 64, "--metrics",
                                  self.folder / "m.json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout + result.stderr, "")
        self.assertEqual(sorted(p.name for p in (self.folder / "maps").iterdir()),
                         sorted(f"{i:02}_{kind}.png" for i in range(6) for kind in self.KINDS))
        for i in range(6):
            for kind in self.KINDS:
                picture = (self.folder / "maps" / f"{i:02}_{kind}.png").read_bytes()
                self.assertEqual(struct.unpack_from(">II", picture, 16), (64, 64))
        metrics = json.loads((self.folder / "m.json").read_text())
        self.assertEqual((metrics["faces"], len(metrics["views"]), metrics["repairs"]), (4, 6, []))
        for view in metrics["views"]:
            self.assertGreater(view["covered_pixels"], 300)
            self.assertLess(view["nearest"], view["farthest"])

    def test_cameras_from_a_file_and_from_metrics(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        cameras = self.file("c.json", b'[{"azimuth": 180}, {"projection": "perspective", "distance": 2, "elevation": 30}]')
        runs = []
        for name, file in (("a", cameras), ("b", self.folder / "a.json")):
            result = self.run_maps(mesh, "-o", self.folder / name, "--size", 48, "--cameras", file,
                                      "--threads", 1 if name == "a" else 3, "--metrics", self.folder / f"{name}.json")
            self.assertEqual(result.returncode, 0, result.stderr)
            runs.append({p.name: p.read_bytes() for p in (self.folder / name).iterdir()})
        self.assertEqual(len(runs[0]), 8)
        self.assertEqual(runs[0], runs[1])
        # The back view is the third of the six.
        self.run_maps(mesh, "-o", self.folder / "six", "--size", 48)
        self.assertEqual((self.folder / "six/02_normal.png").read_bytes(), runs[0]["00_normal.png"])
        self.assertNotEqual((self.folder / "six/00_normal.png").read_bytes(), runs[0]["00_normal.png"])

    def test_progress_and_seconds_of_every_stage(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        metrics = self.folder / "m.json"
        result = self.run_program("maps", mesh, "-o", self.folder / "maps", "--size", 32, "--metrics", metrics)
        self.assertEqual([l.split()[:3] for l in result.stderr.splitlines()], [["views", "done", "in"]])
        self.check_stages(metrics, "read", "prepare", "raster", "shade", "write")
        result = self.run_program("unwrap", mesh, "-o", self.folder / "u.glb", "--texture-size", 64, "--metrics", metrics)
        self.assertEqual([l.split()[0] for l in result.stderr.splitlines()], ["unwrap"])
        self.check_stages(metrics, "read", "surface", "charts", "join", "pack", "write")
        for i in range(6):
            shutil.copy(self.folder / f"maps/{i:02}_normal.png", self.folder / f"maps/{i:02}.png")
        result = self.run_program("bake", mesh, "--views", self.folder / "maps", "-o", self.folder / "b.glb", "--texture-size",
                                  64, "--render-size", 64, "--metrics", metrics)
        self.assertEqual([l.split()[0] for l in result.stderr.splitlines()], ["pictures", "unwrap", "paint", "fill"])
        self.assertNotIn("\r", result.stderr)
        self.check_stages(metrics, "read", "pictures", "unwrap", "paint", "fill", "write")

    def check_stages(self, metrics, *names):
        facts = json.loads(metrics.read_text())
        self.assertEqual(list(facts["stages"]), list(names))
        for seconds in facts["stages"].values():
            self.assertGreaterEqual(seconds, 0)
        self.assertGreater(facts["seconds"], 0)

    def test_interrupt_leaves_nothing(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        process = self.start_program("maps", mesh, "-o", self.folder / "maps", "--size", 8192, "--quiet", "--threads", 1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        self.assertEqual((process.returncode, errors), (CANCELLED, "sinter: cancelled\n"))

    def test_wrong_cameras(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        for content, status, word in ((b"", CORRUPT, "JSON"), (b"[]", CORRUPT, "1..256"), (b"[1]", CORRUPT, "object"),
                                      (b'{"a": 1}', CORRUPT, "cameras"), (b'[{"azimut": 3}]', CORRUPT, "azimut"),
                                      (b'[{"azimuth": "3"}]', CORRUPT, "number"),
                                      (b'[{"projection": "fisheye"}]', CORRUPT, "perspective"),
                                      (b"[" * 5000, CORRUPT, "deep"), (b"[{}," * 300 + b"{}]", CORRUPT, "deep"),
                                      (b"[" + b"{}," * 300 + b"{}]", CORRUPT, "1..256"),
                                      (b'[{"elevation": 91}]', ARGUMENT, "elevation"),
                                      (b'[{}, {"near": 5, "far": 2}]', ARGUMENT, "camera 1")):
            with self.subTest(content[:40]):
                path = self.file("c.json", content)
                self.assert_fails(self.run_maps(mesh, "-o", self.folder / "x", "--cameras", path), status,
                                  word)
        self.assert_left("c.json", "t.obj")

    def test_wrong_options_and_meshes(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        out = self.folder / "x"
        self.assert_fails(self.run_maps(mesh, "-o", out, "--size", 8), ARGUMENT, "16..8192")
        self.assert_fails(self.run_maps(mesh, "-o", out, "--cameras", "no.json"), NOT_FOUND, "no.json")
        self.assert_fails(self.run_maps(mesh, "-o", mesh, "--size", 16), IO, "t.obj")
        point = self.file("point.obj", b"v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n")
        self.assert_fails(self.run_maps(point, "-o", out, "--size", 16), ARGUMENT, "area")
        self.assertFalse(out.exists())

    def test_a_vertex_that_is_not_finite_is_left_out_with_a_warning(self):
        mesh = self.file("n.obj", (TETRAHEDRON + "v nan 0 0\nf 1 2 5\n").encode())
        result = self.run_maps(mesh, "-o", self.folder / "x", "--size", 32)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1)
        self.assertIn("1 vertices that are not finite", result.stderr)
        clean = self.file("t.obj", TETRAHEDRON.encode())
        self.run_maps(clean, "-o", self.folder / "y", "--size", 32)
        for path in (self.folder / "y").iterdir():
            self.assertEqual(path.read_bytes(), (self.folder / "x" / path.name).read_bytes())


class DeviceTest(ProgramTest):
    def test_where_maps_are_made(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        runs = []
        for name in ("cpu", "auto"):
            result = self.run_program("maps", mesh, "-o", self.folder / name, "--size", 64, "--device", name,
                                      "--metrics", self.folder / "m.json")
            self.assertEqual(result.returncode, 0, result.stderr)
            runs.append({p.name: p.read_bytes() for p in (self.folder / name).iterdir()})
            device = json.loads((self.folder / "m.json").read_text())["device"]
            self.assertIn(device, ("cpu",) if name == "cpu" else ("cpu", "cuda"))
        self.assertEqual(runs[0], runs[1])

    def test_wrong_names(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        for i in range(6):
            self.file(f"{i:02}.png", b"")
        for command in (("maps", mesh, "-o", self.folder / "x"),
                        ("bake", mesh, "--views", self.folder, "-o", self.folder / "x.glb")):
            for name in ("gpu", "cuda:", "cuda:-1"):
                with self.subTest(command=command[0], name=name):
                    self.assert_fails(self.run_program(*command, "--device", name), ARGUMENT, "auto, cpu, cuda")


class UnwrapTest(TextureTest):
    def test_glb_and_obj(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        result = self.run_unwrap(mesh, "-o", self.folder / "u.glb", "--texture-size", 128, "--metrics",
                                  self.folder / "m.json")
        self.assertEqual(result.returncode, 0, result.stderr)
        metrics = json.loads((self.folder / "m.json").read_text())
        self.assertEqual((metrics["flipped_faces"], metrics["collapsed_faces"], metrics["repairs"]), (0, 0, []))
        self.assertLess(metrics["stretch_l2"], 1.05)
        self.assertGreater(metrics["atlas_use"], 0.2)
        glb = (self.folder / "u.glb").read_bytes()
        length = struct.unpack_from("<I", glb, 12)[0]
        document = json.loads(glb[20:20 + length])
        primitive = document["meshes"][0]["primitives"][0]
        uv = document["accessors"][primitive["attributes"]["TEXCOORD_0"]]
        self.assertEqual((uv["type"], uv["count"]),
                         ("VEC2", document["accessors"][primitive["attributes"]["POSITION"]]["count"]))
        self.assertEqual(document["materials"][0]["pbrMetallicRoughness"]["metallicFactor"], 0)
        # The surface is the same one.
        check = json.loads(self.run_program("compare", self.folder / "u.glb", mesh, "--json").stdout)
        self.assertLess(check["hausdorff"], 1e-6)
        self.run_unwrap(mesh, "-o", self.folder / "u.obj", "--texture-size", 128)
        lines = (self.folder / "u.obj").read_text().splitlines()
        self.assertIn("mtllib u.mtl", lines)
        self.assertEqual(sum(l.startswith("vt ") for l in lines), sum(l.startswith("v ") for l in lines))
        self.assertNotIn("map_Kd", (self.folder / "u.mtl").read_text())
        self.assert_left("m.json", "t.obj", "u.glb", "u.mtl", "u.obj")

    def test_same_bytes_for_any_number_of_threads(self):
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        for threads in (1, 3):
            self.run_unwrap(mesh, "-o", self.folder / f"{threads}.glb", "--texture-size", 64, "--threads",
                             threads)
        self.assertEqual((self.folder / "1.glb").read_bytes(), (self.folder / "3.glb").read_bytes())

    def test_bad_meshes_are_mended_with_a_warning_or_refused(self):
        mended = self.file("n.obj", (TETRAHEDRON + "v nan 0 0\nf 1 2 5\nf 1 1 2\nf 1 2 3\n").encode())
        result = self.run_unwrap(mended, "-o", self.folder / "n.glb", "--texture-size", 64)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 3, result.stderr)
        self.assertIn("left out 1 vertices that are not finite", result.stderr)
        self.assertIn("left out 1 faces that name a vertex twice", result.stderr)
        empty = self.file("e.obj", b"v 0 0 0\nv nan 0 0\nv 1 0 0\nf 1 2 3\n")
        self.assert_fails(self.run_unwrap(empty, "-o", self.folder / "e.glb"), ARGUMENT, "face")
        self.assert_fails(self.run_unwrap(mended, "-o", self.folder / "x.stl"), ARGUMENT, ".glb or .obj")
        self.assert_fails(self.run_unwrap(mended, "-o", self.folder / "x.glb", "--gutter", 65), ARGUMENT,
                          "gutter")
        self.assert_left("e.obj", "n.glb", "n.obj")


class BakeTest(TextureTest):
    def views(self):
        """A tetrahedron, and its normal maps as the pictures of it."""
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        self.run_maps(mesh, "-o", self.folder / "maps", "--size", 64)
        (self.folder / "views").mkdir()
        for i in range(6):
            shutil.copy(self.folder / f"maps/{i:02}_normal.png", self.folder / f"views/{i:02}.png")
        return mesh, self.folder / "views"

    def bake(self, mesh, views, name, *options):
        return self.run_program("bake", "--quiet", mesh, "--views", views, "-o", self.folder / name, "--texture-size", 64,
                                "--render-size", 128, *options)

    def test_glb_and_obj_by_both_methods(self):
        mesh, views = self.views()
        textures = {}
        for method in ("best", "reference"):
            result = self.bake(mesh, views, f"{method}.glb", "--method", method, "--metrics", self.folder / "m.json")
            self.assertEqual(result.returncode, 0, result.stderr)
            metrics = json.loads((self.folder / "m.json").read_text())
            self.assertEqual((metrics["unfilled_texels"], metrics["repairs"]), (0, []))
            self.assertGreater(metrics["seen_texels"], metrics["chart_texels"] // 4)
            glb = (self.folder / f"{method}.glb").read_bytes()
            length = struct.unpack_from("<I", glb, 12)[0]
            document = json.loads(glb[20:20 + length])
            material = document["materials"][0]["pbrMetallicRoughness"]
            self.assertEqual((material["metallicFactor"], material["baseColorTexture"]["index"]), (0, 0))
            image = document["images"][document["textures"][0]["source"]]
            view = document["bufferViews"][image["bufferView"]]
            png = glb[28 + length + view["byteOffset"]:][:view["byteLength"]]
            self.assertEqual(image["mimeType"], "image/png")
            self.assertEqual(struct.unpack_from(">II", png, 16), (64, 64))
            textures[method] = png
        self.assertNotEqual(textures["best"], textures["reference"])
        result = self.bake(mesh, views, "b.obj", "--threads", 3)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("map_Kd b.png", (self.folder / "b.mtl").read_text())
        self.assertEqual((self.folder / "b.png").read_bytes(), textures["best"])

    # Two tetrahedra's worth of corners: a vertex for each, as every file with its own coordinates has.
    SQUARES = [(0.05 + 0.5 * (f % 2), 0.05 + 0.5 * (f // 2)) for f in range(4)]

    def unrolled(self, extra=()):
        """The tetrahedron with a vertex, a coordinate and a normal for each corner, the first vertex unused."""
        points, _, _ = mesh_readers.read_obj(self.folder / "t.obj")
        faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
        corners = [(9, 9, 9)] + [points[v] for f in faces for v in f]
        uv = [(0.3, 0.7)] + [(u + 0.4 * (k == 1), v + 0.4 * (k == 2)) for u, v in self.SQUARES for k in range(3)]
        normals = [(0.6, 0.0, -0.8) for _ in corners]
        return corners, uv, normals, [(3 * f + 1, 3 * f + 2, 3 * f + 3) for f in range(4)]

    def glb(self, name, corners, uv, faces, normals=None, kind="f"):
        """kind: f for floats, H and B for normalised integers."""
        binary, views, accessors = bytearray(), [], []

        def add(values, code, width, normalized=False):
            stride = (struct.calcsize(f"<{width}{code}") + 3) // 4 * 4
            views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": stride * len(values)})
            for value in values:
                binary.extend(struct.pack(f"<{width}{code}", *value).ljust(stride, b"\0"))
            if code != "I":
                views[-1]["byteStride"] = stride
            accessors.append({"bufferView": len(views) - 1, "count": len(values), "type": ["SCALAR", "VEC2", "VEC3"][width - 1],
                              "componentType": {"f": 5126, "H": 5123, "B": 5121, "I": 5125}[code],
                              **({"normalized": True} if normalized else {})})
            return len(accessors) - 1

        attributes = {"POSITION": add(corners, "f", 3)}
        accessors[0].update(min=[min(c[i] for c in corners) for i in range(3)],
                            max=[max(c[i] for c in corners) for i in range(3)])
        if uv is not None:
            most = {"f": 1, "H": 65535, "B": 255}[kind]
            values = uv if kind == "f" else [[round(most * x) for x in p] for p in uv]
            attributes["TEXCOORD_0"] = add(values, kind, 2, kind != "f")
        if normals is not None:
            attributes["NORMAL"] = add(normals, "f", 3)
        indices = add([(i,) for f in faces for i in f], "I", 1)
        document = {"asset": {"version": "2.0", "extras": {"up_axis": "Y"}}, "buffers": [{"byteLength": len(binary)}],
                    "bufferViews": views, "accessors": accessors, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
                    "meshes": [{"primitives": [{"attributes": attributes, "indices": indices}]}]}
        text = json.dumps(document).encode()
        text += b" " * (-len(text) % 4)
        body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + bytes(binary)
        return self.file(name, struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)

    def test_kept_coordinates_are_the_same_bytes(self):
        _, views = self.views()
        corners, uv, normals, faces = self.unrolled()
        for kind, most in (("f", None), ("H", 65535), ("B", 255)):
            with self.subTest(kind):
                given = self.glb("given.glb", corners, uv, faces, normals, kind)
                result = self.bake(given, views, "kept.glb", "--keep-uv", "--metrics", self.folder / "m.json")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                before, after = (mesh_readers.glb_bytes(self.folder / n) for n in ("given.glb", "kept.glb"))
                for part in ("POSITION", "NORMAL", "indices"):
                    self.assertEqual(before[part], after[part], part)
                if most is None:
                    self.assertEqual(before["TEXCOORD_0"], after["TEXCOORD_0"])
                else:  # glTF's own formula, in single precision
                    levels = [round(most * x) for p in uv for x in p]
                    self.assertEqual(after["TEXCOORD_0"], struct.pack(f"<{len(levels)}f", *(n / most for n in levels)))
                metrics = json.loads((self.folder / "m.json").read_text())
                self.assertEqual((metrics["charts"], metrics["unfilled_texels"], metrics["repairs"]), (4, 0, []))
                self.assertGreater(metrics["seen_texels"], 200)

    def test_kept_coordinates_of_an_obj_are_the_same_lines(self):
        _, views = self.views()
        points = [l for l in TETRAHEDRON.splitlines() if l.startswith("v ")]
        # four vertices with three coordinates each, one line too many, in another order than the faces'
        _, uv, _, _ = self.unrolled()
        lines = (points + [f"vt {u:.9g} {v:.9g}" for u, v in reversed(uv)] + ["vt 7 -3", "vn 0 0 1", "vn 0 -1 0"])
        order = [(1, 3, 2), (1, 2, 4), (1, 4, 3), (2, 3, 4)]
        faces = ["f " + " ".join(f"{v}/{12 - 3 * f - k}/{1 + f % 2}" for k, v in enumerate(o)) for f, o in enumerate(order)]
        given = self.file("given.obj", "\n".join(lines + faces).encode())
        self.assertEqual(self.bake(given, views, "kept.obj", "--keep-uv").stderr, "")
        kept = (self.folder / "kept.obj").read_text().splitlines()
        for keyword in ("v ", "vt ", "vn ", "f "):
            def numbers(text):
                return [tuple(w if keyword == "f " else mesh_readers.single(w) for w in l.split()[1:])
                        for l in text if l.startswith(keyword)]
            self.assertEqual(numbers(lines + faces), numbers(kept), keyword)
        # In GLB a vertex needs a copy for each of its coordinates: after the four, which keep their places.
        self.assertEqual(self.bake(given, views, "kept.glb", "--keep-uv").stderr, "")
        corners, glb_faces, _ = mesh_readers.read_glb(self.folder / "kept.glb")
        self.assertEqual(len(corners), 12)
        self.assertEqual(corners[:4], [tuple(map(float, p.split()[1:])) for p in points])
        self.assertEqual([[corners[v] for v in f] for f in glb_faces], [[corners[v - 1] for v in o] for o in order])

    def test_coordinates_that_cannot_be_kept(self):
        mesh, views = self.views()
        corners, uv, _, faces = self.unrolled()

        def refused(name, *words):
            self.assert_fails(self.bake(name, views, "x.glb", "--keep-uv"), ARGUMENT, "texture coordinates", str(name), *words)

        refused(mesh, "none")
        refused(self.glb("none.glb", corners, None, faces), "none")
        refused(self.glb("nan.glb", corners, uv[:3] + [(float("nan"), 0)] + uv[4:], faces), "finite", "1 corners")
        refused(self.glb("range.glb", corners, [(3 * u, v) for u, v in uv], faces), "0..1", "8 corners")
        refused(self.glb("point.glb", corners, [(0.5, 0.5)] * len(uv), faces), "area")
        text = TETRAHEDRON.replace("f 1 2 4", "f 1/1 2/2 4/1") + "vt 0 0\nvt 1 1\n"
        self.assertIn("/", text)
        refused(self.file("some.obj", text.encode()), "3 of 4")
        bad = self.file("bad.obj", (text + "f 1/1 2/2 3/9\n").encode())
        self.assert_fails(self.bake(bad, views, "x.glb", "--keep-uv"), CORRUPT, "coordinate 9 of 2")
        short = self.glb("short.glb", corners, uv[:-1], faces)
        self.assert_fails(self.bake(short, views, "x.glb", "--keep-uv"), CORRUPT, "12 texture coordinates for 13")
        self.assert_fails(self.bake(short, views, "x.glb", "--keep-uv", "--gutter", 2), ARGUMENT, "--gutter")
        self.assertFalse((self.folder / "x.glb").exists())
        # Without --keep-uv coordinates are not looked at.
        self.assertEqual(self.bake(short, views, "y.glb").returncode, 0)

    def test_coordinates_that_overlap_are_told(self):
        _, views = self.views()
        corners, uv, _, faces = self.unrolled()
        stacked = self.glb("stacked.glb", corners, [uv[0]] + uv[1:4] * 4, faces)
        result = self.bake(stacked, views, "x.glb", "--keep-uv")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, 1), result.stderr)
        self.assertIn("overlap", result.stderr)
        before, after = (mesh_readers.glb_bytes(self.folder / n) for n in ("stacked.glb", "x.glb"))
        self.assertEqual(before["TEXCOORD_0"], after["TEXCOORD_0"])

    def test_a_baked_box_shows_each_picture_where_it_was_taken(self):
        box = "".join(f"v {x} {y} {z}\n" for z in (0, 1) for y in (0, 1) for x in (0, 1))
        box += "f 5 6 8 7\nf 6 2 4 8\nf 2 1 3 4\nf 1 5 7 3\nf 7 8 4 3\nf 1 2 6 5\n"
        mesh, views = self.file("box.obj", box.encode()), self.folder / "views"
        views.mkdir()
        colours = [(200, 30, 40), (30, 180, 60), (40, 50, 210), (220, 190, 20), (20, 200, 200), (150, 90, 160)]
        for i, colour in enumerate(colours):  # front, right, back, left, top, bottom
            (views / f"{i:02}.png").write_bytes(pictures.png(64, 64, 8, 2, (b"\0" + bytes(colour) * 64) * 64))
        for name in ("box.glb", "baked.obj"):
            for method in ("best", "reference"):
                with self.subTest(name, method=method):
                    result = self.bake(mesh, views, name, "--method", method)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    result = self.run_program("render", self.folder / name, "-o", self.folder / "sheet.png", "--colours", "unlit",
                                              "--turns", 4, "--elevation", 0, "--columns", 6, "--tile", 32)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    middle = pictures.read_rgb((self.folder / "sheet.png").read_bytes())[16]
                    for i, colour in enumerate(colours):
                        # Each face is seen by one camera, and its middle lies far from the others' texels: means of equal
                        # levels in between, which rounding alone can change, by a level.
                        for level, expected in zip(middle[32 * i + 16], colour):
                            self.assertAlmostEqual(level, expected, delta=1, msg=f"view {i}: {middle[32 * i + 16]}, {colour}")

    def test_wrong_views_and_options(self):
        mesh, views = self.views()
        (views / "03.png").unlink()
        self.assert_fails(self.bake(mesh, views, "x.glb"), NOT_FOUND, "03.png")
        (views / "03.jpg").write_bytes(b"no picture")
        self.assert_fails(self.bake(mesh, views, "x.glb"), UNSUPPORTED, "03.jpg")
        self.assert_fails(self.bake(mesh, views, "x.ply"), ARGUMENT, ".glb or .obj")
        self.assert_fails(self.bake(mesh, views, "x.glb", "--method", "magic"), ARGUMENT, "magic")
        self.assertFalse((self.folder / "x.glb").exists())


# Two tetrahedra that share an edge; the second stands where the first one's normals do not reach.
FIN = TETRAHEDRON + "v 1 1 1\nf 2 3 5\n"
FAR = "".join(f"v {x} {y} {z}\n" for x, y, z in ((3, 0, 0), (4, 0, 0), (3, 1, 0), (3, 0, 1)))
SECOND = "f 5 7 6\nf 5 6 8\nf 5 8 7\nf 6 7 8\n"

# name: file, what is said of it (nothing where the mesh is taken as it is), whether maps say so too
MENDED = {
    "not finite": (TETRAHEDRON + "v nan 0 0\nv 0 inf 0\nf 1 2 5\nf 1 6 3\n", "left out 2 vertices that are not finite", True),
    "unused": (TETRAHEDRON + "v 9 9 9\nv 0 -7 0\n", "left out 2 vertices that no face uses", True),
    "repeated": (TETRAHEDRON + "f 3 2 1\nf 1 3 2\nf 2 4 1\n", "left out 3 faces that repeat another", True),
    "repeated elsewhere": (TETRAHEDRON + "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 5 7 6\n", "left out 1 faces that repeat another", True),
    "twice": (TETRAHEDRON + "f 1 1 2\nf 3 4 3\n", "left out 2 faces that name a vertex twice", True),
    "edges": (TETRAHEDRON + "f 1 2\nf 3\n", "left out 2 faces of fewer than three corners", True),
    "flat": (TETRAHEDRON + "v 2 0 0\nv 3 0 0\nf 2 5 6\n", "1 faces have no area", True),
    "non-manifold": (FIN, "cut the surface along 1 edges", False),
    "turned": (TETRAHEDRON.replace("f 2 3 4", "f 2 4 3"), "cut the surface along 3 edges", False),
}
TAKEN = {"hole": (TETRAHEDRON.replace("f 2 3 4\n", ""), 1, 3), "two": (TETRAHEDRON + FAR + SECOND, 2, 0)}
REFUSED = {
    "empty": ("", CORRUPT, "empty"), "no face": ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", CORRUPT, "no triangle"),
    "edges": ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\nf 2 3\n", CORRUPT, "no face of three or more corners"),
    "out of range": (TETRAHEDRON + "f 1 2 99\n", CORRUPT, "vertex 99 of 4"),
    "point": ("v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", ARGUMENT, "area"),
    "line": ("v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", ARGUMENT, "area"),
    "all nan": (TETRAHEDRON.replace("v ", "v nan "), ARGUMENT, "area"),
    "huge": (TETRAHEDRON.replace("v 0 0 1", "v 0 0 1e30"), ARGUMENT, "extent"),
}


class BadMeshTest(TextureTest):
    """Every way in which a mesh can be bad is mended with a count, taken, or refused in a line, by every command."""

    def setUp(self):
        super().setUp()
        mesh = self.file("t.obj", TETRAHEDRON.encode())
        self.run_maps(mesh, "-o", self.folder / "maps", "--size", 64)
        self.views = self.folder / "views"
        self.views.mkdir()
        for i in range(6):
            shutil.copy(self.folder / f"maps/{i:02}_normal.png", self.views / f"{i:02}.png")

    def each_command(self, mesh):
        out = self.folder / "out.glb"
        yield "maps", self.run_maps(mesh, "-o", self.folder / "out", "--size", 32)
        yield "unwrap", self.run_unwrap(mesh, "-o", out, "--texture-size", 64, "--metrics", self.folder / "m.json")
        yield "bake", self.run_program("bake", mesh, "--views", self.views, "-o", out, "--texture-size", 64, "--render-size", 64,
                                       "--quiet", "--metrics", self.folder / "m.json")

    def test_mended(self):
        for kind, (text, said, by_maps) in MENDED.items():
            for command, result in self.each_command(self.file("bad.obj", text.encode())):
                with self.subTest(kind, command=command):
                    self.assertEqual(result.returncode, 0, result.stderr)
                    told = command != "maps" or by_maps
                    self.assertEqual(said in result.stderr, told, result.stderr)
                    for line in result.stderr.splitlines():
                        self.assertTrue(line.startswith("sinter: warning: "), line)
                    if command != "maps":
                        metrics = json.loads((self.folder / "m.json").read_text())
                        self.assertTrue(any(said in line for line in metrics["repairs"]))
                        self.assertEqual(metrics.get("unfilled_texels", 0), 0)

    def test_taken_as_they_are(self):
        for kind, (text, components, open_edges) in TAKEN.items():
            for command, result in self.each_command(self.file("bad.obj", text.encode())):
                with self.subTest(kind, command=command):
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    if command != "maps":
                        metrics = json.loads((self.folder / "m.json").read_text())
                        self.assertEqual((metrics["components"], metrics["open_edges"]), (components, open_edges))

    def test_refused(self):
        for kind, (text, status, word) in REFUSED.items():
            for command, result in self.each_command(self.file("bad.obj", text.encode())):
                with self.subTest(kind, command=command):
                    self.assert_fails(result, status, word, "bad.obj")
                    self.assertFalse((self.folder / "out.glb").exists())


if __name__ == "__main__":
    del sys.argv[1]
    unittest.main(verbosity=2)
