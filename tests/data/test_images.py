import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.core.errors import UploadError
from dashboard.data import images
from tests.making import picture, pixels


def saved(image: Image.Image, kind: str, **options: object) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out


def refusal(data: bytes) -> UploadError:
    with pytest.raises(UploadError) as caught:
        images.read(io.BytesIO(data))
    return caught.value


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", images.FORMATS)
def test_every_format_decodes_to_rgb(kind):
    found = images.read(saved(Image.fromarray(pixels(1)), kind))
    assert found.format == kind
    assert found.pixels.shape == (24, 24, 3)
    assert found.pixels.dtype == np.uint8
    assert np.abs(found.pixels.astype(int) - pixels(1)).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_decodes_to_rgb(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    grey = Image.fromarray(pixels(2)).convert("L").convert("RGB")
    found = images.read(saved(grey.convert(mode), kind))
    assert found.mode == mode
    assert found.pixels.shape == (24, 24, 3)
    if mode not in ("1", "P"):  # those really lose levels
        assert np.abs(found.pixels.astype(int) - np.asarray(grey)).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_whatever_its_exif_says(orientation):
    upright = np.zeros((20, 32, 3), np.uint8)
    upright[:10, :16] = 255  # the bright quarter is top left
    undo = [None, 0, 3, 1, 5, 2, 6, 4]  # how Pillow's transpositions turn it to what the camera stored
    turn = undo[orientation - 1]
    stored = Image.fromarray(upright) if turn is None else Image.fromarray(upright).transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(images.read(saved(stored, "PNG", exif=exif)).pixels, upright)


def test_real_photographs_of_every_orientation_decode_to_the_same_scene(shared_data):
    for scene in ("Landscape", "Portrait"):
        found = [images.decode(shared_data / "messy" / "exif_orientation" / f"{scene}_{n}.jpg") for n in range(9)]
        assert {picture.shape for picture in found} == {found[1].shape}
        assert all(np.abs(picture.astype(int) - found[1]).mean() < 8 for picture in found)


def test_16_bit_grey_keeps_its_levels():
    levels = np.repeat(np.arange(64, dtype=np.uint16) * 1024, 4).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        found = images.read(saved(Image.fromarray(levels), kind)).pixels
        assert len(np.unique(found)) == 64
        assert found.max() == 251  # 64512 of 65535


def test_grey_values_beyond_16_bits_and_fractions_keep_their_order():
    for values in (np.array([[0.0, 0.5, 1.0]]), np.array([[-5.0, 0.0, 5.0]]), np.array([[0, 40_000, 80_000]])):
        found = images.read(saved(Image.fromarray(values.astype(np.float32)), "TIFF")).pixels
        assert found[0, :, 0].tolist() == [0, 128, 255]


def test_transparency_becomes_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (images.read(saved(clear, "PNG")).pixels == 255).all()
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0] * 2)
    assert (images.read(saved(palette, "GIF", transparency=0)).pixels == 255).all()


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.fromarray(pixels(seed)) for seed in (3, 4)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        found = images.read(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert found.animated
        assert np.abs(found.pixels.astype(int) - pixels(3)).mean() < 12


def test_a_cut_picture_is_refused_and_never_half_decoded():
    for kind, options in (("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}), ("BMP", {}), ("GIF", {})):
        whole = picture(5, kind, **options)
        assert refusal(whole[: len(whole) * 2 // 3]).code in ("image-truncated", "image-unreadable", "image-format"), (
            kind
        )
    assert refusal(picture(5, "JPEG")[:-200]).code == "image-truncated"


def test_no_bytes_are_no_picture():
    assert refusal(b"").code == "image-empty"


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (1, 100_000_000), (16_385, 1), (6_400, 6_400)])
def test_a_pixel_bomb_is_refused_by_its_header(width, height):
    refused = refusal(png_header(width, height))
    assert refused.code == "image-too-large"
    assert f"{width} x {height}" in refused.message


def test_a_webp_bomb_is_refused_before_its_canvas_is_allocated():
    body = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + (16_382).to_bytes(3, "little") * 2
    assert refusal(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body).code == "image-too-large"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_the_declared_size_of_a_webp_is_read_right(options):
    data = saved(Image.new("RGB", (321, 123)), "WEBP", **options).getvalue()
    assert images._webp_canvas(data[:512]) == (321, 123)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"<!DOCTYPE html><html>404</html>", "image-format", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "image-format", "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image-format", "PostScript"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image-heic", "Most Compatible"),
        (b"GIF8 not really", "image-format", "header is damaged"),
        (b"hello", "image-format", "no picture of a known kind"),
    ],
)
def test_what_is_no_picture_is_named(data, code, words):
    refused = refusal(data)
    assert refused.code == code
    assert words in refused.message


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_picture():
    data = picture(6, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    assert images.read(io.BytesIO(data)).pixels.shape == (24, 24, 3)


@pytest.mark.parametrize("shape", [(600, 300, 3), (10, 2000, 3), (28, 28, 3)])
def test_a_thumbnail_fits_its_side_and_never_grows(shape):
    small = Image.open(io.BytesIO(images.encoded(images.shrunk(np.full(shape, 90, np.uint8)))))
    assert small.format == "JPEG"
    assert max(small.size) == min(256, max(shape))


def test_decode_reads_a_file(tmp_path: Path):
    (tmp_path / "no suffix").write_bytes(picture(7))
    assert np.array_equal(images.decode(tmp_path / "no suffix"), pixels(7))


def photograph(width: int, height: int) -> Image.Image:
    """Soft shapes and fine lines, as a lens sees them."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [np.sin(x / near + y / far) + 0.3 * np.sin(x * y / 9e4) for near, far in ((40, 90), (15, 33), (120, 7))]
    levels = 127 + 60 * np.stack(waves, axis=-1) + np.random.default_rng(0).normal(0, 6, (height, width, 3))
    return Image.fromarray(levels.clip(0, 255).astype("uint8"))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same_once_resized(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photograph(2000, 1500), "JPEG", quality=90, exif=exif)
    whole, scaled = images.read(data).pixels, images.read(data, at_least=224).pixels
    assert min(scaled.shape[:2]) == 750
    assert (scaled.shape[0] > scaled.shape[1]) == (whole.shape[0] > whole.shape[1])
    seen = [
        np.asarray(Image.fromarray(each).resize((224, 224), Image.Resampling.BILINEAR), float)
        for each in (whole, scaled)
    ]
    difference = np.abs(seen[0] - seen[1])
    assert difference.mean() < 0.5
    assert difference.max() < 6


def test_a_small_jpeg_and_every_other_format_are_decoded_whole():
    for kind, size in (("JPEG", (640, 480)), ("PNG", (2000, 1500))):
        data = saved(photograph(*size), kind)
        np.testing.assert_array_equal(images.read(data).pixels, images.read(data, at_least=224).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(500, 375), (1601, 1201), (250, 188), (40, 4000)])
def test_a_picture_that_is_only_looked_at_is_the_whole_one_made_smaller(size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    photograph(*size).save(out, "JPEG", quality=92, exif=exif.tobytes())
    whole, seen = images.read(io.BytesIO(out.getvalue())), images.read(io.BytesIO(out.getvalue()), longest=240)
    assert (seen.width, seen.height) == (whole.width, whole.height) == whole.pixels.shape[1::-1]
    assert max(seen.pixels.shape[:2]) >= min(240, max(size))
    smaller = Image.fromarray(whole.pixels).resize(seen.pixels.shape[1::-1], Image.Resampling.BICUBIC)
    # Fine lines come out a little otherwise; a person sees the same, and a signature has much less detail.
    assert np.corrcoef(np.asarray(smaller).ravel(), seen.pixels.ravel())[0, 1] > 0.985


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_cut_picture_is_found_out_when_it_is_only_looked_at(share):
    out = io.BytesIO()
    photograph(800, 600).save(out, "JPEG", quality=92)
    data = out.getvalue()
    with pytest.raises(UploadError) as refusal:
        images.read(io.BytesIO(data[: int(len(data) * share)]), longest=240)
    assert refusal.value.code == "image-truncated"
