"""Installs the built tree into a scratch prefix and uses it as a stranger would: through CMake's package, through
pkg-config, from C and from C++, with the installed program beside them.

Usage: package_test.py BUILD_FOLDER
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv[1])
ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "examples" / "images" / "mug.png"
FAST = ["24", "2"]  # octree, steps


def run(*arguments, **options):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, check=False,
                            **options)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="sinter-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.library = next(cls.prefix.rglob("libsinter.so")).resolve()
        cls.model = cls.prefix / "share" / "sinter" / "models" / "sinter-small"
        pkgconfig = next(cls.prefix.rglob("sinter.pc")).parent
        cls.environment = {**os.environ, "PKG_CONFIG_PATH": str(pkgconfig), "LD_LIBRARY_PATH": str(cls.library.parent)}
        # The program, from a folder where there is no model beside it.
        run(cls.prefix / "bin" / "sinter", "generate", PICTURE, "-o", cls.folder / "program.glb", "--octree", FAST[0],
            "--steps", FAST[1], "--quiet", cwd=cls.folder)
        cls.expected = (cls.folder / "program.glb").read_bytes()

    def build_with_cmake(self, language):
        build = self.folder / f"cmake-{language}"
        run("cmake", "-S", ROOT / "examples" / language, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        return build

    def test_installed_program_finds_its_matting_module(self):
        network = ROOT / "tests" / "matting" / "data" / "net_is.onnx"
        run(self.prefix / "bin" / "sinter", "matte", PICTURE, "-o", self.folder / "cut.png", "--remove-background", "on",
            "--matting-model", network)
        self.assertTrue((self.folder / "cut.png").exists())

    def test_c_example_through_cmake_gives_the_program_s_bytes(self):
        program = self.build_with_cmake("c") / "photo_to_mesh"
        run(program, self.model, PICTURE, self.folder / "c.glb", *FAST)
        self.assertEqual((self.folder / "c.glb").read_bytes(), self.expected)

    def test_c_example_through_pkg_config(self):
        flags = run("pkg-config", "--cflags", "--libs", "sinter", env=self.environment).split()
        program = self.folder / "photo_to_mesh"
        run("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", ROOT / "examples/c/photo_to_mesh.c", *flags,
            "-o", program)
        run(program, self.model, PICTURE, self.folder / "pc.glb", *FAST, env=self.environment)
        self.assertEqual((self.folder / "pc.glb").read_bytes(), self.expected)

    def test_cpp_example_through_both(self):
        outputs = []
        flags = run("pkg-config", "--cflags", "--libs", "sinter", env=self.environment).split()
        direct = self.folder / "print_ready"
        run("c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", ROOT / "examples/cpp/print_ready.cpp", *flags, "-o",
            direct)
        for program in (self.build_with_cmake("cpp") / "print_ready", direct):
            output = self.folder / f"{len(outputs)}.3mf"
            run(program, self.model, PICTURE, output, "80", *FAST, env=self.environment)
            outputs.append(output.read_bytes())
        self.assertEqual(*outputs)
        # An error of the library is caught by its type across the library's border.
        result = subprocess.run([direct, self.model, self.folder / "absent.png", self.folder / "x.3mf", "80"],
                                capture_output=True, text=True, check=False, env=self.environment)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("absent.png", result.stderr)

    def test_another_version_is_refused(self):
        project = self.folder / "other"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.16)\nproject(other C)\n"
                                                "find_package(sinter 99.0 REQUIRED)\n")
        result = subprocess.run(["cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"],
                                capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("99.0", result.stderr)

    def test_library_shows_its_interface_only(self):
        lines = run("nm", "-DC", "--defined-only", self.library).splitlines()
        # The compiler tags functions whose result alone is of its newer string type.
        names = [line.split(maxsplit=2)[2].replace("[abi:cxx11]", "") for line in lines]
        header = (ROOT / "include" / "sinter" / "sinter.h").read_text()
        functions = set(re.findall(r"\b(sinter_\w+)\(", header)) - {"sinter_warning_callback"}
        functions = {f for f in functions if not f.endswith("_callback")}
        self.assertLessEqual(functions, set(names))
        # Functions of the C++ headers: declared at the left margin, where nothing else with parentheses stands.
        for path in sorted((ROOT / "include" / "sinter").glob("*.h")):
            text = path.read_text()
            namespace = (re.search(r"^namespace ([\w:]+) {", text, re.MULTILINE) or ["", "sinter"])[1]
            declared = re.findall(r"^[a-zA-Z][^(){};=\n]*[ *&](\w+)\(([^;]*?)\);", text, re.MULTILINE)
            for function, parameters in declared if path.name != "sinter.h" else []:
                argument = parameters.split()[0] if function == "to_string" else ""
                self.assertTrue([n for n in names if n.startswith(f"{namespace}::{function}(") and argument in n],
                                f"{path.name}: {function}({argument})")
        inner = [n for n in names if re.match(r"sinter::(ops|mesh|nn|models|io|cpu|checkpoint|pipeline|sampling|texture)::",
                                              n)]
        self.assertEqual(inner, [])
        foreign = [n for n in names if "sinter" not in n]
        self.assertEqual(foreign, [])


if __name__ == "__main__":
    unittest.main(argv=["package_test", *sys.argv[2:]], verbosity=2)
