"""Models on this machine, run by torch, ONNX or OpenVINO."""

from .backend import TransformersBackend

BACKEND = TransformersBackend
