"""Encoders in ONNX files, run by onnxruntime without torch and transformers."""

from .backend import OnnxBackend

BACKEND = OnnxBackend
