"""Predict pictures by an exported model: ``python predict.py model.onnx a.jpg b.jpg``.

It needs onnxruntime, numpy and Pillow, and nothing else.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, *paths = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
for path in paths:
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")  # as a person sees it
    probabilities, embedding = session.run(None, {"pixels": np.asarray(picture)[None]})
    best = probabilities[0].argmax()
    print(f"{path}\t{classes[best]}\t{probabilities[0, best]:.4f}")
