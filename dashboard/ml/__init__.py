"""The only folder that imports keras or tensorflow; runs in processes of its own, never in the web process."""

import os

# Before the first import of tensorflow, or it has no effect: TensorFlow's remarks on this processor are nobody's news.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
