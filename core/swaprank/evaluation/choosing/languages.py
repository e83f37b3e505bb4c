"""Codes of languages, as recipes and people write them."""

from __future__ import annotations

from ...config.recipe import all_recipes
from ...errors import InputError
from ...masking import shown

MULTILINGUAL = "multilingual"
"""What a recipe says that reads a hundred languages or so."""

_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu "
    "ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na "
    "nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so "
    "sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_ISO_639_1 = frozenset(_CODES.split())
# What people write first for the languages that recipes name.
_NAMES = {
    "arabic": "ar", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "portuguese": "pt", "russian": "ru",
    "spanish": "es", "vietnamese": "vi",
}  # fmt: skip


def language_code(text: str) -> str:
    """The code that a text stands for: ``"AR"`` and ``"ar-EG"`` are ``"ar"``.

    Raises:
        InputError: It is no code of ISO 639-1, and not ``"multilingual"``.
    """
    code = text.strip().lower().replace("_", "-")
    if code == MULTILINGUAL or code.partition("-")[0] in _ISO_639_1:
        return code.partition("-")[0]
    named = sorted({one for entry in all_recipes().values() for one in entry.languages} - {MULTILINGUAL})
    meant = f"Did you mean {_NAMES[code]}? " if code in _NAMES else ""
    raise InputError(
        f"There is no language {shown(text)}.",
        hint=f"{meant}Give a code of ISO 639-1. Recipes name {', '.join(named)}; those for many languages fit every "
        f"other code, and alone fit {MULTILINGUAL}.",
    )
