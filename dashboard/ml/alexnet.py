"""AlexNet as it was (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
networks", NIPS 2012), without its last layer.

It is made of Keras' own layers and operations alone, so that its files open without any code of ours. Scripts that
rebuild it carry this text from the first function on.
"""

import keras


def alexnet(images: keras.KerasTensor) -> keras.Model:
    """Five convolutions and two layers of 4096 units; section 3 of the paper, at its sizes.

    Its first convolution takes 227 pixels a side, not the 224 the text says: only so there are 55 places a side. Of
    smaller pictures less is left: 67 pixels are the fewest of which the last pooling still has a place.

    Args:
        images: shape (batch, side, side, 3), RGB less its mean.

    Returns:
        A model from the inputs `images` comes from to the second of those layers, shape (batch, 1, 1, 4096).
    """
    x = convolution(images, "block1_conv", 96, 11, strides=4)
    x = pooled(normalized(x, "block1_normalized"), "block1_pool")
    x = halves(x, "block2_conv", 256, 5)
    x = pooled(normalized(x, "block2_normalized"), "block2_pool")
    x = convolution(x, "block3_conv", 384, 3, padding="same")
    x = halves(x, "block4_conv", 384, 3)
    x = pooled(halves(x, "block5_conv", 256, 3), "block5_pool")
    x = keras.layers.Flatten(name="block6_flatten")(x)
    # The paper begins with biases of 1 here too. With few classes that makes the first steps so steep that the loss
    # leaps and many units never come back.
    x = keras.layers.Dense(4096, activation="relu", **drawn(0.0), name="block6_dense")(x)
    x = keras.layers.Dropout(0.5, name="block6_dropout")(x)
    x = keras.layers.Dense(4096, activation="relu", **drawn(0.0), name="block7_dense")(x)
    # The dropout behind it is the classifier's own.
    x = keras.layers.Reshape((1, 1, 4096), name="block7_reshape")(x)
    return keras.Model(keras.utils.get_source_inputs(images), x, name="alexnet")


def drawn(bias: float) -> dict[str, keras.initializers.Initializer]:
    """Weights as the paper draws them, and where it begins with its biases (section 5)."""
    return {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
        "bias_initializer": keras.initializers.Constant(bias),
    }


def convolution(
    x: keras.KerasTensor, name: str, filters: int, size: int, bias: float = 0.0, **arguments: object
) -> keras.KerasTensor:
    """A convolution with ReLU; `arguments` are Keras' own."""
    return keras.layers.Conv2D(filters, size, activation="relu", **drawn(bias), name=name, **arguments)(x)


def halves(x: keras.KerasTensor, name: str, filters: int, size: int) -> keras.KerasTensor:
    """A convolution in two halves that do not see each other, as on the paper's two GPUs.

    Two layers rather than one with `groups=2`, which TensorFlow on a CPU leaves to XLA, and other runtimes know not.
    """
    first, second = keras.ops.split(x, 2, axis=-1)
    first = convolution(first, f"{name}_1", filters // 2, size, bias=1.0, padding="same")
    second = convolution(second, f"{name}_2", filters // 2, size, bias=1.0, padding="same")
    return keras.layers.Concatenate(name=f"{name}_joined")([first, second])


def normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Local response normalisation (section 3.3): what neighbouring filters find makes a finding count for less.

    x / (2 + 0.0001 * s) ** 0.75, where s is the sum of squares over five channels, two to each side. The power is
    taken by roots, which every runtime has in every precision.
    """
    channels = x.shape[-1]
    squares = keras.ops.pad(keras.ops.square(x), [[0, 0], [0, 0], [0, 0], [2, 2]])
    total = squares[..., :channels]
    for first in range(1, 5):
        total = total + squares[..., first : first + channels]
    root = keras.ops.rsqrt(total * 1e-4 + 2.0)
    return keras.layers.Multiply(name=name)([x, root * keras.ops.sqrt(root)])


def pooled(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Windows of three places every two: they overlap (section 3.4)."""
    return keras.layers.MaxPooling2D(3, strides=2, name=name)(x)
