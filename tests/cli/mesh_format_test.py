"""Every mesh format as another program sees it: what sinter writes is read by readers that share nothing with it.

Usage: mesh_format_test.py PROGRAM
"""

import json
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from mesh_readers import CORE, READERS, is_closed, volume

PROGRAM = sys.argv[1]


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def crooked_box():
    """A closed surface without symmetry, so that a wrong turn or mirror shows. Longest side 2.5, along y."""
    points = [(f32(x * 1.1 + 0.1 * y), f32(y * 2.5 - 0.3), f32(z * 0.7 + 0.05 * x)) for x in (0, 1) for y in (0, 1)
              for z in (0, 1)]
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4),
             (1, 5, 7), (1, 7, 3)]
    return points, faces


class MeshFormatTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sinter-formats-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.points, self.faces = crooked_box()
        self.source = self.folder / "source.obj"
        lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in self.points] + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in self.faces]
        self.source.write_text("\n".join(lines) + "\n")

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)

    def convert(self, source, name, *arguments):
        output = self.folder / name
        result = self.run_program("mesh-convert", source, "-o", output, "--quiet", *arguments)
        self.assertEqual((result.returncode, result.stderr, result.stdout), (0, "", ""))
        return output

    def read(self, path, form=None):
        points, faces, facts = READERS[form or path.suffix[1:]](path)
        self.assertTrue(is_closed(faces))
        self.assertGreater(volume(points, faces), 0)
        return points, faces, facts

    def in_corner_order(self, points, faces):
        return [points[i] for face in faces for i in face]

    def test_every_format_holds_the_same_surface(self):
        expected = self.in_corner_order(self.points, self.faces)
        for form in READERS:
            with self.subTest(form):
                path = self.convert(self.source, f"mesh.{form}")
                points, faces, facts = self.read(path)
                if form == "3mf":  # z up: (x, y, z) stands as (x, -z, y)
                    points = [(x, z, -y) for x, y, z in points]
                self.assertEqual(self.in_corner_order(points, faces), expected)
                self.assertEqual(facts.get("metres", 1.0), 1.0)

    def test_format_overrides_the_suffix(self):
        for form in READERS:
            path = self.convert(self.source, "mesh.bin", "--format", form)
            self.assertEqual(len(self.read(path, form)[1]), 12)

    def test_size_is_the_longest_side_in_millimetres(self):
        for form in READERS:
            with self.subTest(form):
                points, _, facts = self.read(self.convert(self.source, f"mesh.{form}", "--size-mm", 80))
                longest = max(max(c) - min(c) for c in zip(*points))
                self.assertAlmostEqual(longest * facts.get("metres", 1e-3) * 1e3, 80, places=4)
                if form in ("obj", "ply", "stl"):
                    self.assertIn("millimetre", facts["text"])

    def test_axes_turn_the_mesh_and_never_mirror_it(self):
        plain = volume(self.points, self.faces)
        turned = {("y", "x"): lambda x, y, z: (z, y, -x), ("z", None): lambda x, y, z: (x, -z, y),
                  ("z", "y"): lambda x, y, z: (-x, z, y), ("z", "x"): lambda x, y, z: (z, x, y),
                  (None, "-z"): lambda x, y, z: (-x, y, -z), ("y", "-x"): lambda x, y, z: (-z, y, x)}
        for (up, forward), expected in turned.items():
            arguments = (["--up", up] if up else []) + (["--forward", forward] if forward else [])
            for form in READERS:
                if form == "3mf" and up is None:
                    continue  # up is z there, and forward -z contradicts it
                with self.subTest(form=form, up=up, forward=forward):
                    points, faces, facts = self.read(self.convert(self.source, f"mesh.{form}", *arguments))
                    self.assertEqual(self.in_corner_order(points, faces),
                                     self.in_corner_order([expected(*p) for p in self.points], self.faces))
                    self.assertAlmostEqual(volume(points, faces), plain, places=5)
                    if form in ("glb", "usdz"):
                        self.assertEqual(facts["up"], (up or "y").upper())

    def test_axes_on_one_line_are_refused(self):
        for arguments in (["--forward", "-y"], ["--up", "z", "--forward", "z"], ["--format", "3mf", "--forward", "z"],
                          ["--up", "x"], ["--size-mm", "-3"], ["--size-mm", "nan"], ["--format", "fbx"]):
            result = self.run_program("mesh-convert", self.source, "-o", self.folder / "out.glb", *arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1)
            self.assertFalse((self.folder / "out.glb").exists())

    def test_units_travel_between_formats_that_name_them(self):
        small = self.convert(self.source, "small.3mf", "--size-mm", 40)
        for form, metres in (("glb", 1.0), ("usdz", 1e-3), ("3mf", 1e-3)):
            points, _, facts = self.read(self.convert(small, f"again.{form}"))
            self.assertEqual(facts["metres"], metres)
            longest = max(max(c) - min(c) for c in zip(*points))
            self.assertAlmostEqual(longest * metres, 0.04, places=7)

    def test_reading_back_stands_upright(self):
        for form in READERS:
            with self.subTest(form):
                again = self.convert(self.convert(self.source, f"mesh.{form}"), "again.obj")
                points, faces, _ = self.read(again)
                self.assertEqual(self.in_corner_order(points, faces), self.in_corner_order(self.points, self.faces))
        upright = self.convert(self.convert(self.source, "z.usdz", "--up", "z"), "again.obj")
        self.assertEqual(self.read(upright)[0], self.points)
        turned = self.convert(self.convert(self.source, "z.stl", "--up", "z"), "again.obj", "--from-up", "z")
        self.assertEqual(self.in_corner_order(*self.read(turned)[:2]), self.in_corner_order(self.points, self.faces))

    def test_number_of_faces(self):
        for count in (12, 13, 100, 101, 5000):
            _, faces, _ = self.read(self.convert(self.source, "mesh.glb", "--faces", count))
            self.assertTrue(count - 1 <= len(faces) <= count)
        self.assertEqual(json.loads(self.run_program("mesh-check", "--json", self.folder / "mesh.glb").stdout)["sound"], True)

    def test_equal_input_gives_equal_bytes(self):
        for form in READERS:
            first = self.convert(self.source, f"a.{form}").read_bytes()
            self.assertEqual(first, self.convert(self.source, f"b.{form}").read_bytes())

    def package(self, name, model, **parts):
        path = self.folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("_rels/.rels", '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                             '<Relationship Target="/3D/main.model" Id="r" '
                             'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>')
            archive.writestr("3D/main.model", model)
            for part, text in parts.items():
                archive.writestr(f"3D/{part}.model", text)
        return path

    def model(self, content, attributes=""):
        return (f'<model xmlns="{CORE[1:-1]}" unit="inch" xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06" '
                f'{attributes}>{content}</model>')

    TETRAHEDRON = ('<mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/><vertex x="0" y="1" z="0"/>'
                   '<vertex x="0" y="0" z="1"/></vertices><triangles><triangle v1="0" v2="2" v3="1"/><triangle v1="0" v2="1" v3="3"/>'
                   '<triangle v1="1" v2="2" v3="3"/><triangle v1="2" v2="0" v3="3"/></triangles></mesh>')

    def test_foreign_3mf_with_components_parts_and_mirrors(self):
        other = self.model(f'<resources><object id="7">{self.TETRAHEDRON}</object></resources><build/>')
        path = self.package("foreign.3mf", self.model(
            '<resources><object id="2"><components><component objectid="7" p:path="/3D/part.model" transform="2 0 0 0 2 0 0 0 2 5 0 0"/>'
            '<component objectid="7" p:path="/3D/PART.model" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/></components></object></resources>'
            '<build><item objectid="2" transform="1 0 0 0 1 0 0 0 1 0 0 10"/></build>', 'requiredextensions="p"'), part=other)
        points, faces, _ = self.read(self.convert(path, "foreign.obj"))
        self.assertEqual(len(faces), 8)
        self.assertAlmostEqual(volume(points, faces), (8 + 1) / 6, places=5)
        # z up to y up: the build lies at height 10.
        self.assertEqual(sorted(set(p[1] for p in points)), [10, 11, 12])
        self.assertEqual(max(p[0] for p in points), 7)
        metres = self.read(self.convert(path, "foreign.glb"))[0]
        self.assertAlmostEqual(max(p[1] for p in metres), 12 * 0.0254, places=6)

    def test_hostile_3mf_is_one_line(self):
        bomb = "".join(f'<object id="{n}"><components>' + f'<component objectid="{n - 1}"/>' * 40 + "</components></object>"
                       for n in range(2, 9))
        cases = {
            "doctype": '<!DOCTYPE model [<!ENTITY a "aa">]>' + self.model(""),
            "extension": self.model("", 'xmlns:b="http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02" requiredextensions="b"'),
            "loop": self.model('<resources><object id="1"><components><component objectid="1"/></components></object></resources>'
                               '<build><item objectid="1"/></build>'),
            "nested": self.model(f'<resources><object id="1">{self.TETRAHEDRON}</object>{bomb}</resources><build><item objectid="8"/></build>'),
            "cut": self.model("<resources>")[:-20],
            "index": self.model('<resources><object id="1"><mesh><vertices/><triangles><triangle v1="0" v2="1" v3="2"/></triangles></mesh>'
                                '</object></resources><build><item objectid="1"/></build>'),
            "zeros": self.model(" " * 60_000_000),
            "token": self.model(f'<resources a="{"x" * 3_000_000}"/>'),
        }
        for name, text in cases.items():
            with self.subTest(name):
                result = self.run_program("mesh-check", self.package(f"{name}.3mf", text))
                self.assertIn(result.returncode, (4, 5), result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)


if __name__ == "__main__":
    unittest.main(argv=["mesh_format_test"] + sys.argv[2:])
