"""A child that decodes for predictions and dies of SIGSEGV at every picture that says so behind its end."""

import sys

from dashboard.data import child, images
from dashboard.ml import decoding
from tests.data.crashing import read

if __name__ == "__main__":
    images.read = read
    sys.exit(child.serve(decoding.work))
