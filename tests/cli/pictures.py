"""Picture files made by hand, the broken ones included, with nothing but the standard library."""

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG whose filtered scanlines are `rows`; `extra` holds chunks that stand before the data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def disc(side: int = 64, alpha_inside: int = 255) -> bytes:
    """RGBA: an orange disc on a transparent ground."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * 0.4) ** 2
            rows += bytes((230, 120 + x % 64, 40, alpha_inside if inside else 0))
    return png(side, side, 8, 6, bytes(rows))


def disc_16_bit(side: int = 64) -> bytes:
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * 0.4) ** 2
            rows += struct.pack(">HHHH", 59000, 31000, 10000, 65535 if inside else 0)
    return png(side, side, 16, 6, bytes(rows))


def disc_palette(side: int = 64) -> bytes:
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            rows.append(1 if (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * 0.4) ** 2 else 0)
    palette = chunk(b"PLTE", bytes((255, 255, 255, 200, 60, 30))) + chunk(b"tRNS", bytes((0, 255)))
    return png(side, side, 8, 3, bytes(rows), palette)


def disc_bmp(side: int = 96, radius: float = 0.3) -> bytes:
    """Opaque, 24 bits: an orange disc before a wall that darkens downwards."""
    rows = bytearray()
    for y in reversed(range(side)):
        for x in range(side):
            inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * radius) ** 2
            rows += bytes((40, 120 + x % 64, 230)) if inside else bytes((215 - y // 2, 210 - y // 2, 200 - y // 2))
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54) + header + bytes(rows)


def huge(side: int = 20000) -> bytes:
    """A valid grey PNG of side x side: about 50 kB on disk, 1.6 GB as RGBA."""
    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def read_rgb(data: bytes) -> list:
    """Rows of (r, g, b) of a PNG of 8 bits RGB without interlacing (PNG specification, section 9)."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    assert (depth, colour, interlaced) == (8, 2, 0)
    packed, offset = b"", 8
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        if kind == b"IDAT":
            packed += data[offset + 8:offset + 8 + size]
        offset += 12 + size
    levels, stride = zlib.decompress(packed), 3 * width
    rows, above = [], bytearray(stride)
    for y in range(height):
        kind, row = levels[y * (stride + 1)], bytearray(levels[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            near = min((left, above[i], corner), key=lambda value: abs(left + above[i] - corner - value))
            row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, near)[kind]) % 256
        rows.append([tuple(row[i:i + 3]) for i in range(0, stride, 3)])
        above = row
    return rows
