"""From prompts to token ids, for the backends that run models in this process."""
