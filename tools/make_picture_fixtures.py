#!/usr/bin/env python3
"""Writes tests/io/data/pictures: small picture files by writers other than sinter's, and what they hold.

Pillow and tifffile write what they can; the forms of BMP that no common writer produces are packed here by hand, and
Pillow reads them back where it knows them. manifest.txt has one line a file: name, the PNG in expected/ that it must
equal, the largest difference allowed. Needs numpy, pillow, tifffile, imagecodecs; run from anywhere, deterministic.
"""

import io
import struct
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "tests/io/data/pictures"
W, H = 13, 11
manifest = []


def expect(name, array):
    Image.fromarray(array).save(FOLDER / "expected" / f"{name}.png", optimize=True)


def add(name, data, expected, tolerance=0):
    (FOLDER / name).write_bytes(data)
    manifest.append(f"{name} {expected} {tolerance}")


def pillow(image, fmt, **options):
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, software=False, datetime=None, metadata=None, **options)
    return out.getvalue()


# --- the pictures ------------------------------------------------------------------------------------------------------
rng = np.random.default_rng(5)
rgb = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
alpha = rng.integers(1, 256, (H, W, 1), dtype=np.uint8)
alpha[2, 3] = 0
rgba = np.concatenate([rgb, alpha], 2)
grey = rng.integers(0, 256, (H, W), dtype=np.uint8)
index = rng.integers(0, 16, (H, W), dtype=np.uint8)
palette = rng.integers(0, 256, (16, 3), dtype=np.uint8)
bit = rng.integers(0, 2, (H, W), dtype=np.uint8)
rgb16 = rng.integers(0, 65536, (H, W, 3), dtype=np.uint16)
rgb16[0, :6, 0] = [0, 128, 129, 385, 386, 65535]  # either side of where 257ths round up
rgba16 = np.concatenate([rgb16, alpha.astype(np.uint16) * 257], 2)
unit = rng.random((H, W, 3))
unit[0, 0] = [-0.5, 1.5, np.nan]


def down(array, most):
    return np.floor(array.astype(np.float64) * 255 / most + 0.5).astype(np.uint8)


def grey_rgb(array):
    return np.repeat(array[:, :, None], 3, 2)


# --- BMP ---------------------------------------------------------------------------------------------------------------
def bmp(bits, rows, header=40, compression=0, masks=b"", colours=b"", top_down=False, width=W, height=H, used=0):
    """Packs a file; `rows` is the finished pixel block."""
    if header == 12:
        dib = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        dib = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression,
                          len(rows), 2835, 2835, used, 0)
        dib += masks if header > 40 else b""
        dib = dib[:header].ljust(header, b"\0")
        dib += masks if header == 40 else b""
    start = 14 + len(dib) + len(colours)
    return struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + dib + colours + rows


def packed_rows(values, bits):
    """Little-endian pixels or, below a byte, from the highest bit down; bottom row first, rows of 4n bytes."""
    out = b""
    for row in values[::-1]:
        if bits >= 8:
            line = b"".join(int(v).to_bytes(bits // 8, "little") for v in row)
        else:
            text = "".join(format(int(v), f"0{bits}b") for v in row)
            text += "0" * (-len(text) % 8)
            line = int(text, 2).to_bytes(len(text) // 8, "big")
        out += line + b"\0" * (-len(line) % 4)
    return out


def masked(array, widths, shifts):
    """Samples reduced to `widths` bits at `shifts`, and what an exact reader makes of them."""
    words = np.zeros((H, W), np.int64)
    seen = np.zeros((H, W, len(widths)), np.uint8)
    for c, (width, shift) in enumerate(zip(widths, shifts)):
        most = (1 << width) - 1
        sample = array[:, :, c].astype(np.int64) * most // 255
        words |= sample << shift
        seen[:, :, c] = down(sample, most)
    return words, seen


def run_lengths(values, bits):
    """Runs, literals of every parity, a step over zeros, a line that ends early."""
    out = bytearray()
    for y, row in enumerate(values[::-1]):
        row = list(row)
        x = 0
        while x < len(row):
            if y % 3 == 0:  # literals: at least 3 pixels, the rest as runs of one
                count = min(len(row) - x, 5)
                if count >= 3:
                    part = row[x:x + count]
                    if bits == 4:
                        part = [a << 4 | b for a, b in zip(part[::2], part[1::2] + [0] * (count % 2))]
                    out += bytes([0, count, *part]) + b"\0" * (len(part) % 2)
                    x += count
                    continue
            if not any(row[x:]):
                break  # ends early: the rest is index 0
            if row[x] == 0 and y % 3 == 1:
                out += bytes([0, 2, 1, 0])
                x += 1
                continue
            count = 1
            while x + count < len(row) and row[x + count] == row[x]:
                count += 1
            out += bytes([count, row[x] * 17 if bits == 4 else row[x]])
            x += count
        out += b"\0\0"
    return bytes(out + b"\0\1")


def bmp_files():
    colours4 = b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    colours3 = b"".join(bytes([b, g, r]) for r, g, b in palette)
    expect("indexed", palette[index])
    expect("bit", palette[bit])
    expect("index2", palette[index % 4])
    expect("rgb", rgb)
    expect("rgba", rgba)
    expect("grey", grey_rgb(grey))
    word24 = rgb[:, :, 0].astype(np.int64) << 16 | rgb[:, :, 1].astype(np.int64) << 8 | rgb[:, :, 2]
    add("pillow_24.bmp", pillow(Image.fromarray(rgb), "BMP"), "rgb")
    add("pillow_grey.bmp", pillow(Image.fromarray(grey), "BMP"), "grey")
    add("bits1.bmp", bmp(1, packed_rows(bit, 1), colours=colours4[:8]), "bit")
    add("bits2.bmp", bmp(2, packed_rows(index % 4, 2), colours=colours4[:16]), "index2")
    add("bits4.bmp", bmp(4, packed_rows(index, 4), colours=colours4), "indexed")
    add("bits8_short_palette.bmp", bmp(8, packed_rows(index, 8), colours=colours4, used=16), "indexed")
    add("os2.bmp", bmp(4, packed_rows(index, 4), header=12, colours=colours3), "indexed")
    add("top_down.bmp", bmp(24, packed_rows(word24[::-1], 24), top_down=True), "rgb")
    add("bits32.bmp", bmp(32, packed_rows(word24 | 0x37 << 24, 32)), "rgb")
    words, seen = masked(rgb, (5, 5, 5), (10, 5, 0))
    expect("rgb555", seen)
    add("bits16.bmp", bmp(16, packed_rows(words, 16)), "rgb555")
    words, seen = masked(rgb, (5, 6, 5), (11, 5, 0))
    expect("rgb565", seen)
    masks = struct.pack("<III", 0xf800, 0x7e0, 0x1f)
    add("fields565.bmp", bmp(16, packed_rows(words, 16), compression=3, masks=masks), "rgb565")
    words, seen = masked(rgba, (4, 4, 4, 4), (8, 4, 0, 12))
    expect("rgba4444", seen)
    masks = struct.pack("<IIII", 0xf00, 0xf0, 0xf, 0xf000)
    add("fields4444.bmp", bmp(16, packed_rows(words, 16), header=56, compression=3, masks=masks), "rgba4444")
    words, seen = masked(rgb, (10, 10, 10), (20, 10, 0))
    expect("rgb101010", seen)
    masks = struct.pack("<III", 0x3ff << 20, 0x3ff << 10, 0x3ff)
    add("fields10.bmp", bmp(32, packed_rows(words, 32), compression=3, masks=masks), "rgb101010")
    words, seen = masked(rgba, (8, 8, 8, 8), (16, 8, 0, 24))
    assert (seen == rgba).all()
    masks = struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000)
    add("v5_alpha.bmp", bmp(32, packed_rows(words, 32), header=124, compression=3, masks=masks), "rgba")
    add("alpha_masks.bmp", bmp(32, packed_rows(words, 32), header=40, compression=6, masks=masks), "rgba")
    opaque = np.concatenate([rgb, np.full((H, W, 1), 255, np.uint8)], 2)
    expect("opaque", opaque)
    words, _ = masked(np.concatenate([rgb, np.zeros((H, W, 1), np.uint8)], 2), (8, 8, 8, 8), (16, 8, 0, 24))
    add("v4_empty_alpha.bmp", bmp(32, packed_rows(words, 32), header=108, compression=3, masks=masks), "opaque")
    runs = np.repeat(rng.integers(0, 3, (H, 5), dtype=np.uint8), [1, 4, 2, 5, 1], axis=1)
    expect("runs", palette[runs])
    add("rle8.bmp", bmp(8, run_lengths(runs, 8), compression=1, colours=colours4, used=16), "runs")
    add("rle4.bmp", bmp(4, run_lengths(runs, 4), compression=2, colours=colours4), "runs")
    for name in ("rle8", "rle4", "fields565", "top_down", "os2", "bits16"):
        seen = np.asarray(Image.open(FOLDER / f"{name}.bmp").convert("RGB"), np.int64)
        expected = np.asarray(Image.open(FOLDER / "expected" / f"{dict(l.split()[:2] for l in manifest)[name + '.bmp']}.png"))
        # Pillow keeps skipped pixels as index 0 too; it cuts 5 and 6 bits where they should be rounded.
        assert np.abs(seen - expected).max() <= (1 if name in ("fields565", "bits16") else 0), name


# --- TIFF --------------------------------------------------------------------------------------------------------------
def tiff_files():
    expect("rgb16", down(rgb16, 65535))
    expect("rgba16", np.concatenate([down(rgb16, 65535), alpha], 2))
    expect("unit", down(np.nan_to_num(unit, nan=0).clip(0, 1), 1))
    grey12 = rng.integers(0, 4096, (H, W), dtype=np.uint16)
    expect("grey12", grey_rgb(down(grey12, 4095)))
    expect("white", grey_rgb(255 - grey))
    expect("black_white", grey_rgb(bit * 255))
    image = Image.fromarray(rgb)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "tiff_lzma"):
        add(f"pillow_{compression}.tif", pillow(image, "TIFF", compression=compression), "rgb")
    add("pillow_rgba.tif", pillow(Image.fromarray(rgba), "TIFF", compression="tiff_lzw"), "rgba")
    add("pillow_g4.tif", pillow(Image.fromarray(bit * 255).convert("1"), "TIFF", compression="group4"), "black_white")
    picture = Image.fromarray(index, "P")
    picture.putpalette(palette.tobytes())
    add("pillow_palette.tif", pillow(picture, "TIFF"), "indexed")
    add("white_is_zero.tif", tiff(grey, photometric="miniswhite"), "white")
    add("big_endian.tif", tiff(rgb16, photometric="rgb", byteorder=">"), "rgb16")
    add("little_endian.tif", tiff(rgb16, photometric="rgb", byteorder="<", compression="zlib", predictor=2), "rgb16")
    add("bigtiff.tif", tiff(rgb, photometric="rgb", bigtiff=True), "rgb")
    add("planar.tif", tiff(rgb16.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", compression="lzw"), "rgb16")
    large = np.tile(rgb, (3, 4, 1))
    expect("large", large)
    add("tiles.tif", tiff(large, photometric="rgb", tile=(16, 32), compression="zlib"), "large")
    add("tiles_planar.tif", tiff(large.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(16, 16),
                                 compression="zlib"), "large")
    add("strips.tif", tiff(rgb, photometric="rgb", rowsperstrip=3), "rgb")
    add("straight16.tif", tiff(rgba16, photometric="rgb", extrasamples=["unassalpha"]), "rgba16")
    # Premultiplied at 16 bits, so that dividing it out is exact wherever alpha is not 0.
    share = rgba16[:, :, 3:].astype(np.float64) / 65535
    premultiplied = np.concatenate([np.round(rgb.astype(np.float64) * 257 * share).astype(np.uint16), rgba16[:, :, 3:]], 2)
    expected = rgba.copy()
    expected[alpha[:, :, 0] == 0, :3] = 0
    expect("premultiplied", expected)
    add("premultiplied16.tif", tiff(premultiplied, photometric="rgb", extrasamples=["assocalpha"]), "premultiplied")
    add("unspecified.tif", tiff(rgba, photometric="rgb", extrasamples=["unspecified"]), "rgb")
    add("grey_alpha.tif", tiff(np.stack([grey, alpha[:, :, 0]], 2), photometric="minisblack",
                               extrasamples=["unassalpha"]), "grey_alpha")
    expect("grey_alpha", np.concatenate([grey_rgb(grey), alpha], 2))
    add("float32.tif", tiff(unit.astype(np.float32), photometric="rgb"), "unit")
    add("float64.tif", tiff(unit, photometric="rgb", byteorder=">"), "unit")
    half = unit.astype(np.float16)
    expect("half", down(np.nan_to_num(half.astype(np.float64), nan=0).clip(0, 1), 1))
    add("float16.tif", tiff(half, photometric="rgb"), "half")
    grey32 = rng.integers(0, 2**32, (H, W), dtype=np.uint32)
    expect("grey32", grey_rgb(down(grey32, 2**32 - 1)))
    add("grey32.tif", tiff(grey32, photometric="minisblack"), "grey32")
    texts = ["".join(format(int(v), "012b") for v in row) for row in grey12]
    rows = [int(text + "0" * (-len(text) % 8), 2).to_bytes((len(text) + 7) // 8, "big") for text in texts]
    add("grey12.tif", classic_tiff([(256, W), (257, H), (258, 12), (259, 1), (262, 1), (277, 1), (278, H)], b"".join(rows)),
        "grey12")
    cmyk = rng.integers(0, 256, (H, W, 4), dtype=np.uint8)
    c = cmyk.astype(np.float64)
    expect("cmyk", np.floor((255 - c[:, :, :3]) * (255 - c[:, :, 3:]) / 255 + 0.5).astype(np.uint8))
    add("cmyk.tif", tiff(cmyk, photometric="separated"), "cmyk", 1)
    yy, xx = np.mgrid[0:32, 0:48]
    smooth = np.stack([xx * 5, yy * 7, 255 - xx * 5], 2).astype(np.uint8)
    expect("smooth", smooth)
    add("jpeg.tif", pillow(Image.fromarray(smooth), "TIFF", compression="jpeg", quality=100), "smooth", 12)
    add("pillow_ycbcr.tif", pillow(Image.fromarray(smooth).convert("YCbCr"), "TIFF", compression="raw"), "smooth", 4)
    lab = np.asarray(Image.fromarray(smooth))
    pages = io.BytesIO()
    image.save(pages, "TIFF", save_all=True, append_images=[Image.fromarray(255 - rgb), Image.fromarray(lab)])
    add("pages.tif", pages.getvalue(), "rgb")
    for orientation in range(1, 9):
        turned = {1: rgb, 2: rgb[:, ::-1], 3: rgb[::-1, ::-1], 4: rgb[::-1], 5: rgb.transpose(1, 0, 2),
                  6: np.rot90(rgb), 7: rgb[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(rgb, -1)}[orientation]
        add(f"orientation{orientation}.tif", tiff(np.ascontiguousarray(turned), photometric="rgb",
                                                  extratags=[(274, 3, 1, orientation, True)]), "rgb")


def classic_tiff(shorts, pixels):
    """The smallest possible file: SHORT entries, one strip."""
    entries = sorted(shorts + [(273, 8 + 2 + 12 * (len(shorts) + 2) + 4), (279, len(pixels))])
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHIHH", t, 3, 1, v, 0) for t, v in entries)
    return struct.pack("<2sHI", b"II", 42, 8) + directory + struct.pack("<I", 0) + pixels


# --- what sinter read before, by another writer --------------------------------------------------------------------------
def other_files():
    add("pillow_rgba.png", pillow(Image.fromarray(rgba), "PNG"), "rgba")
    add("pillow_grey.png", pillow(Image.fromarray(grey), "PNG"), "grey")
    add("pillow_lossless.webp", pillow(Image.fromarray(rgba), "WEBP", lossless=True, exact=True), "rgba")
    yy, xx = np.mgrid[0:32, 0:48]
    smooth = np.stack([xx * 5, yy * 7, 255 - xx * 5], 2).astype(np.uint8)
    add("pillow_lossy.webp", pillow(Image.fromarray(smooth), "WEBP", quality=98), "smooth", 16)
    add("pillow_444.jpg", pillow(Image.fromarray(smooth), "JPEG", quality=100, subsampling=0), "smooth", 4)
    add("pillow_progressive.jpg", pillow(Image.fromarray(smooth), "JPEG", quality=100, subsampling=0, progressive=True),
        "smooth", 4)
    ink = Image.fromarray(smooth).convert("CMYK")
    add("pillow_cmyk.jpg", pillow(ink, "JPEG", quality=100, subsampling=0), "smooth", 4)


if __name__ == "__main__":
    (FOLDER / "expected").mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.*"), *FOLDER.glob("expected/*")]:
        old.unlink()
    bmp_files()
    tiff_files()
    other_files()
    (FOLDER / "manifest.txt").write_text("\n".join(manifest) + "\n")
    print(f"{len(manifest)} files, {sum(f.stat().st_size for f in FOLDER.rglob('*') if f.is_file())} bytes")
