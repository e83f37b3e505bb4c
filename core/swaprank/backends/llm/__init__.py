"""The framework's own LLM: what a config may say, the base of the adapters' classes, and what stands in without one."""

from .missing import MissingLlm

BACKEND = MissingLlm
