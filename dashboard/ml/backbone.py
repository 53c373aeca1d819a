"""A pretrained network without its classifier, built the same way whatever its weights, for pictures in RGB 0..255."""

import keras

from dashboard.core.backbones import Backbone
from dashboard.ml import alexnet

# `keras.applications.imagenet_utils.preprocess_input`, as layers: means and deviations of ImageNet's pictures.
TORCH_MEAN = (0.485, 0.456, 0.406)
TORCH_DEVIATION = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def build(row: Backbone, alpha: float, image_size: int, images: keras.KerasTensor) -> keras.Model:
    """Join preprocessing and backbone to `images`, flat: no model inside a model, or heatmaps break after a reload.

    Always built with `weights=None`: with `weights="imagenet"` EfficientNetB0-B7 get a layer more, and weights saved
    from one network would load silently into another. Pretrained values come from `dashboard.ml.weights`, by value.

    Args:
        row: which backbone.
        alpha: width, one of `row.alphas`.
        image_size: pixels a side of `images`.
        images: shape (batch, image_size, image_size, 3), RGB, 0..255.

    Returns:
        A model from the inputs `images` comes from to the features, shape (batch, height, width, channels).
    """
    if row.name == "AlexNet":  # no builder of `keras.applications`
        return alexnet.alexnet(preprocess(row, images))
    arguments = {"alpha": alpha} if len(row.alphas) > 1 else {}
    return getattr(keras.applications, row.name)(
        include_top=False,
        weights=None,
        input_tensor=preprocess(row, images),
        input_shape=(image_size, image_size, 3),
        **arguments,
    )


def preprocess(row: Backbone, images: keras.KerasTensor) -> keras.KerasTensor:
    """RGB 0..255 as this backbone's weights know it; nothing where the network does it itself."""
    match row.preprocessing:
        case "minus_one_to_one":
            return keras.layers.Rescaling(1 / 127.5, -1.0, name="preprocessing")(images)
        case "torch":
            scale = [1 / (255 * deviation) for deviation in TORCH_DEVIATION]
            offset = [-mean / deviation for mean, deviation in zip(TORCH_MEAN, TORCH_DEVIATION, strict=True)]
            return keras.layers.Rescaling(scale, offset, name="preprocessing")(images)
        case "caffe":
            bgr = keras.ops.flip(images, axis=-1)
            return keras.layers.Rescaling(1.0, [-mean for mean in CAFFE_MEAN_BGR], name="preprocessing")(bgr)
        case "centred":
            mean = CAFFE_MEAN_BGR[::-1]
            return keras.layers.Rescaling(1.0, [-each for each in mean], name="preprocessing")(images)
        case "built_in":
            return images
