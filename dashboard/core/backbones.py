"""The backbones, as rows: the builders of `keras.applications` with where each one's ImageNet weights are published,
and AlexNet, which has none.

Measured with Keras 3.15.1. Accuracies are those of the table on https://keras.io/api/applications/, except where noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from dashboard.core.errors import WeightsError

Preprocessing = Literal["built_in", "minus_one_to_one", "torch", "caffe", "centred"]


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier. `name` is the attribute of `keras.applications` that builds it."""

    name: str
    family: str  # the module of `keras.applications` it lives in, e.g. "mobilenet_v2"
    image_size: int  # pixels a side its weights were trained at
    smallest_image_size: int  # pixels a side; the builder refuses less
    parameters: float  # millions, without the classifier, at alpha 1.0
    top1: float | None  # per cent of ImageNet's validation pictures, as Keras publishes it; None without weights
    top5: float | None  # None where Keras publishes none
    preprocessing: Preprocessing
    # Keras' local name for its ImageNet weights without the classifier; {alpha} and {size} are filled in. None where
    # nobody published any: such a network begins at random.
    weights_file: str | None
    weights_hash: str | None = None  # MD5 (32 digits) or SHA-256 (64) that Keras checks; None where it checks nothing
    alphas: tuple[float, ...] = (1.0,)
    alpha_parameters: tuple[float, ...] = ()  # millions, in the order of `alphas`; empty where there is one alpha
    weights_sizes: tuple[
        int, ...
    ] = ()  # pixels a side with weights of their own; every other size takes those of `image_size`
    one_size_alphas: tuple[float, ...] = ()  # alphas whose weights are published at `image_size` only
    file_megabytes: tuple[float, ...] = ()  # by alpha, where the published files are much larger than their weights
    # Fields of a recipe that this network is trained with from random weights, where others than usual.
    scratch: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def megabytes(self) -> float:
        """Size of the weights in float32, at alpha 1.0."""
        return self.parameters * 4

    def parameters_at(self, alpha: float) -> float:
        """Millions of parameters without the classifier. Raises ValueError for an alpha that is not in `alphas`."""
        return self.alpha_parameters[self.alphas.index(alpha)] if self.alpha_parameters else self.parameters

    def megabytes_at(self, alpha: float) -> float:
        """Size of the weights in float32."""
        return self.parameters_at(alpha) * 4

    def download_megabytes_at(self, alpha: float) -> float:
        """About the size of the published file: HDF5 adds some per cent to the weights, more where they are few."""
        return self.file_megabytes[self.alphas.index(alpha)] if self.file_megabytes else self.megabytes_at(alpha)


# Folder of each family's weights, below the host that publishes them.
WEIGHTS_FOLDERS = {
    "convnext": "tensorflow/keras-applications/convnext",
    "densenet": "tensorflow/keras-applications/densenet",
    "efficientnet": "keras-applications",
    "efficientnet_v2": "tensorflow/keras-applications/efficientnet_v2",
    "inception_resnet_v2": "tensorflow/keras-applications/inception_resnet_v2",
    "inception_v3": "tensorflow/keras-applications/inception_v3",
    "mobilenet": "tensorflow/keras-applications/mobilenet",
    "mobilenet_v2": "tensorflow/keras-applications/mobilenet_v2",
    "mobilenet_v3": "tensorflow/keras-applications/mobilenet_v3",
    "nasnet": "tensorflow/keras-applications/nasnet",
    "resnet": "tensorflow/keras-applications/resnet",
    "resnet_v2": "tensorflow/keras-applications/resnet",
    "vgg16": "tensorflow/keras-applications/vgg16",
    "vgg19": "tensorflow/keras-applications/vgg19",
    "xception": "tensorflow/keras-applications/xception",
}

# Files that are published under another name than the one they get on this machine.
PUBLISHED_AS = {
    "nasnet_mobile_no_top.h5": "NASNet-mobile-no-top.h5",
    "nasnet_large_no_top.h5": "NASNet-large-no-top.h5",
}

# How file names of MobileNet spell alpha.
MOBILENET_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def weights_file_name(backbone: Backbone, alpha: float, image_size: int) -> str:
    """The name under `$KERAS_HOME/models` that Keras' builder asks for, for this width and square input.

    MobileNet and MobileNetV2 have weights for several sizes; for any other size they take those of 224 pixels.

    Raises:
        WeightsError: `weights-absent`; nobody published any for this backbone.
    """
    if backbone.weights_file is None:
        raise WeightsError(
            "weights-absent",
            f"Nobody published ImageNet weights of {backbone.name} for Keras. Choose random weights "
            "(`--weights none`), or a file of yours.",
        )
    size = image_size if image_size in backbone.weights_sizes else backbone.image_size
    spelled = MOBILENET_ALPHAS[alpha] if backbone.family == "mobilenet" else float(alpha)
    return backbone.weights_file.format(alpha=spelled, size=size)


def weights_url_path(backbone: Backbone, alpha: float, image_size: int) -> str:
    """Path of that file below the host that publishes it, without a leading slash."""
    name = weights_file_name(backbone, alpha, image_size)
    return f"{WEIGHTS_FOLDERS[backbone.family]}/{PUBLISHED_AS.get(name, name)}"


def weights_published(backbone: Backbone, alpha: float, image_size: int) -> bool:
    """False where there are none, or Keras' builder asks for a file that never was, as for MobileNetV2 1.4 at 96 px."""
    if backbone.weights_file is None:
        return False
    own_size = image_size in backbone.weights_sizes and image_size != backbone.image_size
    return not (own_size and alpha in backbone.one_size_alphas)


# Two lines a row: measured, then published.
# fmt: off
BACKBONES = {
    row.name: row
    for row in (
        # MobileNet's files still have the room of the classifier that was taken out of them.
        Backbone("MobileNet", "mobilenet", 224, 32, 3.23, 70.4, 89.5, "minus_one_to_one",
                 "mobilenet_{alpha}_{size}_tf_no_top.h5",
                 alphas=(0.25, 0.5, 0.75, 1.0), alpha_parameters=(0.22, 0.83, 1.83, 3.23),
                 weights_sizes=(128, 160, 192, 224), file_megabytes=(2.1, 5.6, 10.6, 17.2)),
        Backbone("MobileNetV2", "mobilenet_v2", 224, 32, 2.26, 71.3, 90.1, "minus_one_to_one",
                 "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{size}_no_top.h5",
                 alphas=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4), alpha_parameters=(0.41, 0.71, 1.38, 2.26, 3.77, 4.36),
                 weights_sizes=(96, 128, 160, 192, 224), one_size_alphas=(1.3, 1.4)),
        # The table does not list MobileNetV3; these are the top-1 figures of the Keras builders' own documentation.
        Backbone("MobileNetV3Small", "mobilenet_v3", 224, 32, 0.94, 68.1, None, "built_in",
                 "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "d3e8ec802a04aa4fc771ee12a9a9b836"),
        Backbone("MobileNetV3Large", "mobilenet_v3", 224, 32, 3.00, 75.6, None, "built_in",
                 "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "07fb09a5933dd0c8eaafa16978110389"),
        Backbone("NASNetMobile", "nasnet", 224, 32, 4.27, 74.4, 91.9, "minus_one_to_one",
                 "nasnet_mobile_no_top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"),
        Backbone("NASNetLarge", "nasnet", 331, 32, 84.92, 82.5, 96.0, "minus_one_to_one",
                 "nasnet_large_no_top.h5", "d81d89dc07e6e56530c4e77faddd61b5"),
        Backbone("EfficientNetB0", "efficientnet", 224, 32, 4.05, 77.1, 93.3, "built_in",
                 "efficientnetb0_notop.h5", "50bc09e76180e00e4465e1a485ddc09d"),
        Backbone("EfficientNetB1", "efficientnet", 240, 32, 6.58, 79.1, 94.4, "built_in",
                 "efficientnetb1_notop.h5", "74c4e6b3e1f6a1eea24c589628592432"),
        Backbone("EfficientNetB2", "efficientnet", 260, 32, 7.77, 80.1, 94.9, "built_in",
                 "efficientnetb2_notop.h5", "111f8e2ac8aa800a7a99e3239f7bfb39"),
        Backbone("EfficientNetB3", "efficientnet", 300, 32, 10.78, 81.6, 95.7, "built_in",
                 "efficientnetb3_notop.h5", "af6d107764bb5b1abb91932881670226"),
        Backbone("EfficientNetB4", "efficientnet", 380, 32, 17.67, 82.9, 96.4, "built_in",
                 "efficientnetb4_notop.h5", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
        Backbone("EfficientNetB5", "efficientnet", 456, 32, 28.51, 83.6, 96.7, "built_in",
                 "efficientnetb5_notop.h5", "38879255a25d3c92d5e44e04ae6cec6f"),
        Backbone("EfficientNetB6", "efficientnet", 528, 32, 40.96, 84.0, 96.8, "built_in",
                 "efficientnetb6_notop.h5", "9ecce42647a20130c1f39a5d4cb75743"),
        Backbone("EfficientNetB7", "efficientnet", 600, 32, 64.10, 84.3, 97.0, "built_in",
                 "efficientnetb7_notop.h5", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
        Backbone("EfficientNetV2B0", "efficientnet_v2", 224, 32, 5.92, 78.7, 94.3, "built_in",
                 "efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"),
        Backbone("EfficientNetV2B1", "efficientnet_v2", 240, 32, 6.93, 79.8, 95.0, "built_in",
                 "efficientnetv2-b1_notop.h5", "0e80663031ca32d657f9caa404b6ec37"),
        Backbone("EfficientNetV2B2", "efficientnet_v2", 260, 32, 8.77, 80.5, 95.1, "built_in",
                 "efficientnetv2-b2_notop.h5", "1dfe2e7a5d45b6632553a8961ea609eb"),
        Backbone("EfficientNetV2B3", "efficientnet_v2", 300, 32, 12.93, 82.0, 95.8, "built_in",
                 "efficientnetv2-b3_notop.h5", "f6abf7b5849ac99a89b50dd3fd532856"),
        Backbone("EfficientNetV2S", "efficientnet_v2", 384, 32, 20.33, 83.9, 96.7, "built_in",
                 "efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070"),
        Backbone("EfficientNetV2M", "efficientnet_v2", 480, 32, 53.15, 85.3, 97.4, "built_in",
                 "efficientnetv2-m_notop.h5", "1b8dc055df72dde80d614482840fe342"),
        Backbone("EfficientNetV2L", "efficientnet_v2", 480, 32, 117.75, 85.7, 97.5, "built_in",
                 "efficientnetv2-l_notop.h5", "b0b66b5c863aef5b46e8608fe1711615"),
        # Keras publishes no top-5 for ConvNeXt. Base, Large and XLarge were pretrained on ImageNet-21k, then fine-tuned
        # on the 1,000 classes these figures are about.
        Backbone("ConvNeXtTiny", "convnext", 224, 32, 27.82, 81.3, None, "built_in",
                 "convnext_tiny_notop.h5", "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
        Backbone("ConvNeXtSmall", "convnext", 224, 32, 49.45, 82.3, None, "built_in",
                 "convnext_small_notop.h5", "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
        Backbone("ConvNeXtBase", "convnext", 224, 32, 87.57, 85.3, None, "built_in",
                 "convnext_base_notop.h5", "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
        Backbone("ConvNeXtLarge", "convnext", 224, 32, 196.23, 86.3, None, "built_in",
                 "convnext_large_notop.h5", "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
        Backbone("ConvNeXtXLarge", "convnext", 224, 32, 348.15, 86.7, None, "built_in",
                 "convnext_xlarge_notop.h5", "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"),
        Backbone("DenseNet121", "densenet", 224, 32, 7.04, 75.0, 92.3, "torch",
                 "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "30ee3e1110167f948a6b9946edeeb738"),
        Backbone("DenseNet169", "densenet", 224, 32, 12.64, 76.2, 93.2, "torch",
                 "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5", "b8c4d4c20dd625c148057b9ff1c1176b"),
        Backbone("DenseNet201", "densenet", 224, 32, 18.32, 77.3, 93.6, "torch",
                 "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5", "c13680b51ded0fb44dff2d8f86ac8bb1"),
        Backbone("InceptionV3", "inception_v3", 299, 75, 21.80, 77.9, 93.7, "minus_one_to_one",
                 "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63"),
        Backbone("InceptionResNetV2", "inception_resnet_v2", 299, 75, 54.34, 80.3, 95.3, "minus_one_to_one",
                 "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "d19885ff4a710c122648d3b5c3b684e4"),
        Backbone("Xception", "xception", 299, 71, 20.86, 79.0, 94.5, "minus_one_to_one",
                 "xception_weights_tf_dim_ordering_tf_kernels_notop.h5", "b0042744bf5b25fce3cb969f33bebb97"),
        Backbone("ResNet50", "resnet", 224, 32, 23.59, 74.9, 92.1, "caffe",
                 "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
        Backbone("ResNet101", "resnet", 224, 32, 42.66, 76.4, 92.8, "caffe",
                 "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5", "88cf7a10940856eca736dc7b7e228a21"),
        Backbone("ResNet152", "resnet", 224, 32, 58.37, 76.6, 93.1, "caffe",
                 "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
        Backbone("ResNet50V2", "resnet_v2", 224, 32, 23.56, 76.0, 93.0, "minus_one_to_one",
                 "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "fac2f116257151a9d068a22e544a4917"),
        Backbone("ResNet101V2", "resnet_v2", 224, 32, 42.63, 77.2, 93.8, "minus_one_to_one",
                 "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "c0ed64b8031c3730f411d2eb4eea35b5"),
        Backbone("ResNet152V2", "resnet_v2", 224, 32, 58.33, 78.0, 94.2, "minus_one_to_one",
                 "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "ed17cf2e0169df9d443503ef94b23b33"),
        Backbone("VGG16", "vgg16", 224, 32, 14.71, 71.3, 90.1, "caffe",
                 "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
        Backbone("VGG19", "vgg19", 224, 32, 20.02, 71.3, 90.0, "caffe",
                 "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6"),
        # Dropout 0.5 on both layers and a rate that falls when validation stalls, as its paper has it (section 5). Its
        # steps of 0.01 by gradient descent with momentum are for a thousand classes; with ten the loss leaps.
        Backbone("AlexNet", "alexnet", 227, 67, 56.87, None, None, "centred", None,
                 scratch=MappingProxyType({
                     "epochs": 0, "fine_tune_epochs": 60, "fine_tune_learning_rate": 1e-4, "patience": 12,
                     "optimizer": "Adam", "schedule": "reduce on plateau", "dropout": 0.5,
                     "train_batch_normalization": False})),
    )
}
# fmt: on
