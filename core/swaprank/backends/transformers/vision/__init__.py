"""Vision-language models through transformers: prompts that hold images."""
