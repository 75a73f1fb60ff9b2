"""Trained models of alframe for programs that know nothing of it: ONNX, a folder for timm, and PyTorch's .pt2."""
