"""Same bytes in, same pixels out: the decoder against numbers worked out by hand, another decoder, itself elsewhere."""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.core.settings import ROOT
from dashboard.data import images
from tests.security.corpus import jpeg_bytes as jpeg
from tests.security.corpus import tiff_bytes as tiff
from tests.security.corpus.honest import big_endian, modes
from tests.security.corpus.pictures import bmp, saved_interlaced
from tests.security.corpus.png_bytes import chunk, png

BLACK, WHITE, RED, GREEN, BLUE = [0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]


def decoded(data: bytes) -> list[list[list[int]]]:
    return images.read(io.BytesIO(data)).pixels.tolist()


def grey(*rows: list[int]) -> list[list[list[int]]]:
    return [[[level] * 3 for level in row] for row in rows]


# By hand


def test_png_rows_of_every_filter():
    rows = bytes([0, 10, 20, 30])  # as they are: 10 20 30
    rows += bytes([1, 10, 10, 10])  # plus the left one: 10 20 30
    rows += bytes([2, 5, 5, 5])  # plus the upper one: 15 25 35
    rows += bytes([3, 1, 1, 1])  # plus the mean of both, rounded down: 1+7, 1+(8+25)/2, 1+(17+35)/2
    rows += bytes([4, 2, 3, 250])  # plus the nearest of left, upper and upper left to left + upper - upper left
    # 2+8 = 10; of 10, 17, 8 the nearest to 10+17-8 = 19 is 17: 20; of 20, 27, 17 to 20+27-17 = 30 it is 27: 250+27-256
    expected = grey([10, 20, 30], [10, 20, 30], [15, 25, 35], [8, 17, 27], [10, 20, 21])
    assert decoded(png(3, 5, zlib.compress(rows), colour=0)) == expected


def test_png_of_one_two_and_four_bits_a_pixel():
    assert decoded(png(4, 1, zlib.compress(bytes([0, 0b10110000])), colour=0, bits=1)) == grey([255, 0, 255, 255])
    assert decoded(png(4, 1, zlib.compress(bytes([0, 0b00011011])), colour=0, bits=2)) == grey([0, 85, 170, 255])
    assert decoded(png(2, 1, zlib.compress(bytes([0, 0x3F])), colour=0, bits=4)) == grey([51, 255])


def test_png_of_sixteen_bits_is_scaled_by_257():
    levels = struct.pack(">4H", 0, 257, 257 * 128, 65_535)
    assert decoded(png(4, 1, zlib.compress(b"\0" + levels), colour=0, bits=16)) == grey([0, 1, 128, 255])


def test_png_with_a_palette_some_of_which_is_clear():
    more = chunk(b"PLTE", bytes(RED + GREEN + BLUE)) + chunk(b"tRNS", bytes([255, 0, 128]))
    found = decoded(png(3, 1, zlib.compress(bytes([0, 0, 1, 2])), colour=3, more=more))
    assert found == [[RED, WHITE, [127, 127, 255]]]  # blue by half on white: 255 * 127/255


def test_png_with_one_colour_that_is_clear():
    more = chunk(b"tRNS", struct.pack(">3H", *RED))
    assert decoded(png(2, 1, zlib.compress(bytes([0, *RED, *BLUE])), more=more)) == [[WHITE, BLUE]]


def test_png_in_seven_passes():
    levels = (np.arange(64).reshape(8, 8) * 3).tolist()
    assert decoded(saved_interlaced()) == grey(*levels)


def test_bmp_from_below_and_from_above():
    lower, upper = bytes([0, 0, 255, 0, 255, 0, 0, 0]), bytes([255, 0, 0, 255, 255, 255, 0, 0])  # blue, green, red
    assert decoded(bmp(2, 2, data=lower + upper)) == [[BLUE, WHITE], [RED, GREEN]]
    assert decoded(bmp(2, -2, data=upper + lower)) == [[BLUE, WHITE], [RED, GREEN]]


def test_gif_by_its_codes():
    # Code and bits: clear, the four colours, end. Behind the third colour there are eight codes, and they get wider.
    packed, at = 0, 0
    for code, bits in ((4, 3), (0, 3), (1, 3), (2, 3), (3, 4), (5, 4)):
        packed |= code << at
        at += bits
    data = b"GIF89a" + struct.pack("<2H", 4, 1) + b"\x81\0\0" + bytes(BLACK + RED + GREEN + BLUE)
    data += b"," + struct.pack("<4H", 0, 0, 4, 1) + b"\0\2\3" + packed.to_bytes(3, "little") + b"\0;"
    assert decoded(data) == [[BLACK, RED, GREEN, BLUE]]


def test_tiff_with_black_as_nought_or_white_as_nought_and_in_either_order_of_bytes():
    inside = bytes([0, 100, 255, 7])
    for white_is_nought, expected in ((1, [0, 100, 255, 7]), (0, [255, 155, 0, 248])):
        tags = tiff.tags(4, 1, tiff.HEAD, 4) | {tiff.PHOTOMETRIC: (tiff.SHORT, 1, white_is_nought)}
        assert decoded(tiff.tiff(tags, inside)) == grey(expected)
    levels = np.arange(576, dtype=np.uint16).reshape(24, 24) * 113
    found = images.read(io.BytesIO(big_endian(levels))).pixels[:, :, 0]
    np.testing.assert_array_equal(found, np.rint((levels + 2) / 257).astype(np.uint8))


def flat_jpeg(*levels: int) -> bytes:
    """One 8 x 8 block a component, each nothing but its mean: quantised by 8, a mean of 128 + d is the number d."""
    out = jpeg.SOI + jpeg.segment(b"\xff\xdb", b"\0" + bytes([8] * 64))
    parts = b"".join(bytes([number, 0x11, 0]) for number in range(1, len(levels) + 1))
    out += jpeg.segment(jpeg.SOF0, struct.pack(">BHHB", 8, 8, 8, len(levels)) + parts)
    out += jpeg.segment(b"\xff\xc4", b"\x00" + bytes([0, 0, 0, 9, *[0] * 12]) + bytes(range(9)))  # 4 bits: how long
    out += jpeg.segment(b"\xff\xc4", b"\x10" + bytes([1, *[0] * 15]) + b"\0")  # 1 bit: the end of the block
    ends = b"".join(bytes([number, 0]) for number in range(1, len(levels) + 1))
    out += jpeg.segment(jpeg.SOS, bytes([len(levels)]) + ends + b"\0\x3f\0")
    bits = "".join(_difference(level - 128) + "0" for level in levels)
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return out + packed + jpeg.EOI


def _difference(value: int) -> str:
    length = abs(value).bit_length()
    low = value if value >= 0 else value + (1 << length) - 1
    return f"{length:04b}" + (f"{low:0{length}b}" if length else "")


@pytest.mark.parametrize("level", [0, 1, 90, 128, 200, 255])
def test_jpeg_of_one_level(level):
    assert decoded(flat_jpeg(level)) == grey(*[[level] * 8] * 8)


@pytest.mark.parametrize(
    ("levels", "colour"),
    [
        # R = Y + 1.402 (Cr - 128), G = Y - 0.344136 (Cb - 128) - 0.714136 (Cr - 128), B = Y + 1.772 (Cb - 128)
        ((76, 85, 255), [254, 0, 0]),
        ((150, 44, 21), [0, 255, 1]),
        ((29, 255, 107), [0, 0, 254]),
        ((100, 150, 100), [61, 112, 139]),
        ((255, 128, 128), WHITE),
    ],
)
def test_jpeg_of_one_colour(levels, colour):
    found = np.array(decoded(flat_jpeg(*levels)))
    assert found.shape == (8, 8, 3)
    assert np.abs(found - colour).max() <= 1


def test_jpeg_of_inks_is_turned_over_as_adobe_wrote_it():
    """C, M, Y, K behind an Adobe marker are what is left of the paper's white."""
    adobe = jpeg.segment(b"\xff\xee", b"Adobe\0\x64" + bytes(4) + b"\0")
    for inks, colour in (((255,) * 4, WHITE), ((0, 255, 255, 255), [0, 255, 255]), ((255, 255, 255, 0), BLACK)):
        assert decoded(jpeg.with_segments(flat_jpeg(*inks), adobe)) == [[colour] * 8] * 8


# Beside others

PHOTOGRAPH = np.random.default_rng(5).integers(0, 256, (9, 13, 3), dtype=np.uint8)


def photograph(width: int = 417, height: int = 283) -> Image.Image:
    soft = Image.fromarray(PHOTOGRAPH).resize((width, height), Image.Resampling.BICUBIC)
    fine = np.random.default_rng(6).normal(0, 5, (height, width, 3))
    return Image.fromarray((np.asarray(soft) + fine).clip(0, 255).astype(np.uint8))


def plain() -> dict[str, bytes]:
    """What TensorFlow can decode too."""
    found = {}
    for name, kind, options in (
        ("baseline.jpg", "JPEG", {"quality": 90}),
        ("coarse.jpg", "JPEG", {"quality": 20}),
        ("whole-colour.jpg", "JPEG", {"quality": 95, "subsampling": 0}),
        ("half-colour.jpg", "JPEG", {"quality": 85, "subsampling": 1}),
        ("progressive.jpg", "JPEG", {"progressive": True}),
        ("restarts.jpg", "JPEG", {"restart_marker_blocks": 7}),
        ("colour.png", "PNG", {}),
        ("colour.bmp", "BMP", {}),
        ("colour.gif", "GIF", {}),
    ):
        out = io.BytesIO()
        photograph().save(out, kind, **options)
        found[name] = out.getvalue()
    for name, kind in (("grey.jpg", "JPEG"), ("grey.png", "PNG")):
        out = io.BytesIO()
        photograph().convert("L").save(out, kind)
        found[name] = out.getvalue()
    return found


BY_TENSORFLOW = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
for path in sorted(Path(sys.argv[1]).iterdir()):
    data = path.read_bytes()
    if path.suffix == ".jpg":
        found = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    elif path.suffix == ".gif":
        found = tf.io.decode_gif(data)[0]
    else:
        found = {".png": tf.io.decode_png, ".bmp": tf.io.decode_bmp}[path.suffix](data, channels=3)
    np.save(f"{path}.npy", found.numpy())
"""


@pytest.mark.slow
def test_tensorflow_decodes_plain_pictures_to_the_same_pixels(tmp_path: Path) -> None:
    for name, data in plain().items():
        (tmp_path / name).write_bytes(data)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, "-c", BY_TENSORFLOW, str(tmp_path)], env=environment, check=True)
    for name in plain():
        ours, theirs = images.decode(tmp_path / name).astype(int), np.load(tmp_path / f"{name}.npy").astype(int)
        assert ours.shape == theirs.shape, name
        if name.endswith(".jpg"):  # two versions of one library: the last step may round differently
            assert np.abs(ours - theirs).max() <= 2, name
            assert np.abs(ours - theirs).mean() < 0.1, name
        else:
            np.testing.assert_array_equal(ours, theirs, name)


# Elsewhere

DIGESTS = """
import hashlib, json, sys
from pathlib import Path
from dashboard.data import images
found = {path.name: hashlib.sha256(images.decode(path)).hexdigest() for path in Path(sys.argv[1]).iterdir()}
print(json.dumps(found))
"""


def test_another_process_and_a_processor_without_vectors_see_the_same_pixels(tmp_path: Path) -> None:
    """libjpeg-turbo promises its accurate transform to be the same with and without the processor's vector units."""
    for name, data in (plain() | modes()).items():
        (tmp_path / name).write_bytes(data)
    ours = {path.name: hashlib.sha256(images.decode(path)).hexdigest() for path in tmp_path.iterdir()}
    assert len(set(ours.values())) > 40
    for change in ({"PYTHONHASHSEED": "1"}, {"JSIMD_FORCENONE": "1", "PYTHONHASHSEED": "2"}):
        command = [sys.executable, "-c", DIGESTS, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **change}, capture_output=True, check=True)
        assert json.loads(done.stdout) == ours


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 40}], ids=str
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_decoded_smaller_looks_like_the_whole_one_once_resized(options: dict[str, object], mode: str) -> None:
    out = io.BytesIO()
    photograph(1203, 1801).convert(mode).save(out, "JPEG", **options)
    whole, scaled = images.read(out).pixels, images.read(out, at_least=224).pixels
    assert scaled.shape == (901, 602, 3)  # half, rounded up
    seen = [
        np.asarray(Image.fromarray(each).resize((224, 224), Image.Resampling.BILINEAR), float)
        for each in (whole, scaled)
    ]
    assert np.abs(seen[0] - seen[1]).mean() < 0.6
    assert np.abs(seen[0] - seen[1]).max() < 6
