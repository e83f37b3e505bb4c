"""A small judged sample in English and Arabic; see README.md."""
