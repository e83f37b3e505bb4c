"""A tokenizer out of a folder's files, without transformers: what `Quoting` and the pairs need of one."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackendError

if TYPE_CHECKING:
    from tokenizers import Encoding

# Beyond this transformers writes a number that stands for "no limit".
_NO_LIMIT = 10**9


class Encodings(dict[str, Any]):
    """Token ids and what belongs to them by name: one list per text, or one value per token of a single text.

    Attributes:
        encodings: The same as the `tokenizers` library gives it.
    """

    def __init__(self, values: dict[str, Any], encodings: Sequence[Encoding]) -> None:
        super().__init__(values)
        self.encodings = encodings

    def sequence_ids(self, place: int) -> list[int | None]:
        """Which of the two texts of a pair each token is of; None for special tokens."""
        return self.encodings[place].sequence_ids


class FileTokenizer:
    """A ``tokenizer.json``, called as the tokenizers of transformers are. To be used by one thread at a time.

    Args:
        folder: Holds ``tokenizer.json``, and ``tokenizer_config.json`` and ``special_tokens_map.json`` where there are.
        model: The model's name in messages.
        inputs: The names of what the network reads.

    Attributes:
        model_input_names: The names of what a call gives.
        model_max_length: Most tokens of a text; None for no limit.

    Raises:
        BackendError: There is no ``tokenizer.json``, or it cannot be read.
    """

    is_fast = True
    pad_token_type_id = 0

    def __init__(self, folder: Path, model: str, inputs: Collection[str]) -> None:
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise BackendError(
                f"The model {model!r} has no tokenizer.json, which is read without transformers.",
                hint="Save its tokenizer as a fast one (AutoTokenizer.save_pretrained), or use backend: transformers.",
            )
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
            config = {**_json(folder / "special_tokens_map.json"), **_json(folder / "tokenizer_config.json")}
            own = json.loads(self._tokenizer.to_str())["model"]
        except Exception as error:  # the library raises a bare Exception for whatever it cannot read
            raise BackendError(f"The tokenizer of the model {model!r} cannot be read: {error}") from error
        self._tokenizer.no_padding()
        self._named = _special_tokens(config)
        self._side = config.get("truncation_side", "right")
        self.model_input_names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in inputs]
        limit = config.get("model_max_length")
        self.model_max_length: int | None = int(limit) if limit is not None and limit < _NO_LIMIT else None
        unknown = self._named.get("unk_token") or own.get("unk_token")
        self.unk_token_id: int | None = own.get("unk_id") if unknown is None else self._id(unknown)
        self.pad_token_id: int | None = self._id(self._named.get("pad_token"))

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """The tokens that were added to the vocabulary, by id."""
        added: dict[int, Any] = self._tokenizer.get_added_tokens_decoder()
        return added

    @property
    def all_special_tokens(self) -> list[str]:
        """Every token that has a role."""
        return list(dict.fromkeys(self._named.values()))

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def __call__(
        self,
        text: str | Sequence[str],
        pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
        return_offsets_mapping: bool = False,
        return_attention_mask: bool = True,
        truncation: str | bool = False,
        max_length: int | None = None,
        verbose: bool = False,
    ) -> Encodings:
        """Encode a text, a pair, or a list of either; the arguments are those of transformers."""
        self._tokenizer.encode_special_tokens = split_special_tokens
        self._truncate(max_length if truncation else None)
        single = isinstance(text, str)
        first = [text] if isinstance(text, str) else list(text)
        second = [pair] if isinstance(pair, str) else pair
        texts: list[Any] = first if second is None else list(zip(first, second, strict=True))
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=add_special_tokens)
        values: dict[str, Any] = {"input_ids": [one.ids for one in encodings]}
        if "token_type_ids" in self.model_input_names:
            values["token_type_ids"] = [one.type_ids for one in encodings]
        if return_attention_mask and "attention_mask" in self.model_input_names:
            values["attention_mask"] = [one.attention_mask for one in encodings]
        if return_offsets_mapping:
            values["offset_mapping"] = [one.offsets for one in encodings]
        return Encodings({key: of[0] for key, of in values.items()} if single else values, encodings)

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str | None]:
        """The token of each id; None for ids that there are not."""
        return [self._tokenizer.id_to_token(one) for one in ids]

    def _truncate(self, limit: int | None) -> None:
        wanted = {"max_length": limit, "stride": 0, "strategy": "longest_first", "direction": self._side}
        now = self._tokenizer.truncation
        if limit is None:
            self._tokenizer.no_truncation()
        elif now is None or any(now[key] != value for key, value in wanted.items()):
            self._tokenizer.enable_truncation(**wanted)

    def _id(self, token: str | None) -> int | None:
        found: int | None = None if token is None else self._tokenizer.token_to_id(token)
        return found


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """The special tokens by their role, and further ones by number."""
    named = {key: _content(value) for key, value in config.items() if key.endswith("_token")}
    for key in ("additional_special_tokens", "extra_special_tokens"):
        more = config.get(key) or []
        values = more.values() if isinstance(more, dict) else more
        named.update({f"{key} {place}": _content(value) for place, value in enumerate(values)})
    return {key: token for key, token in named.items() if token}


def _content(token: Any) -> str:
    """A token's text; some files wrap it. Empty for what is none, such as the switch ``add_bos_token``."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else ""


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    read = json.loads(file.read_text(encoding="utf-8"))
    return read if isinstance(read, dict) else {}
