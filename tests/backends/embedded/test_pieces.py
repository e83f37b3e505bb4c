"""The dictionary of words: ids and coverage are those of the tokenizer itself, whatever the text; it stays bounded."""

import json
import random
import threading

import pytest

from swaprank.backends.embedded import pieces, static
from swaprank.backends.embedded.pieces import FIRST_PIECE, Pieces
from swaprank.scores.coverage import READ_CHARACTERS, coverage

Tokenizer = pytest.importorskip("tokenizers").Tokenizer
FILE = static._package_folder() / static._TOKENIZER
TEXTS = [
    "",
    " ",
    "   ",
    "tea",
    " tea",
    "Green tea, e.g. «Sencha» (not roasted): 3.5 g/l - or more?!",
    "two  spaces   three\t\ttabs\n\nlines\r\n \n end ",
    "▁ literal ▁▁ marks▁inside",
    "café naïve Ångström résumé ﬁne e\u0301 a\u0308\u0327 Đặng",
    "تَأتِي الوِلايات المُتّحِدَة في المَركز الثّالِث 3.79 كم²، شاي",
    "日本語の文章と漢字、ひらがな。中文没有空格 한국어 문장",
    "हिन्दी में चाय, தமிழ் ไทย ქართული",
    "m² x²)., ²² _²_ snake_case __init__ '_' (_a_) H₂O x³ ½ Ⅷ",
    "🍵👩‍👩‍👧 \u200d\ufeff\u00a0nbsp\u2003em \x00\x07 \ud7ff \U0010fffd",
    "<s> a </s>b<unk> <s><s>c < s> <|x|> 2<3 a<s",
    "https://example.org/a_b?c=d&e=%20#f user@host.tld C++ C# .NET a.b.c ...!!!---===",
    "x" * 3000,
    "ab" * 700 + " " * 900 + "cd" * 900,
    "word " * 199 + "straddling" + " more words" * 50,
    "é" * 999 + "ab",
    "a b " * 249 + "abc def",
]


@pytest.fixture(scope="module")
def tokenizer():
    whole = Tokenizer.from_file(str(FILE))
    whole.no_truncation()
    whole.no_padding()
    return whole


def expected(tokenizer, text):
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return encoding.ids, coverage(text, encoding.offsets, [identity >= FIRST_PIECE for identity in encoding.ids])


def check(found, tokenizer, texts) -> None:
    for text, tokens in zip(texts, found, strict=True):
        ids, covered = expected(tokenizer, text)
        assert tokens.ids.tolist() == ids, text
        if len(ids) <= READ_CHARACTERS:  # more tokens than characters are bytes, of which `coverage` reads the first
            assert tokens.coverage == (None if covered is None else pytest.approx(covered, abs=1e-12)), text


def test_no_merge_joins_what_the_segments_tell_apart() -> None:
    merges = json.loads(FILE.read_text(encoding="utf-8"))["model"]["merges"]
    joined = ["".join(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
    for token in joined:
        assert len((pieces._SPACED if "²" in token else pieces._SEGMENT).findall(token)) == 1, token
    assert sum("²" in token for token in joined) > 1


def test_tokens_are_the_tokenizers_own_on_the_first_reading_and_on_later_ones(tokenizer) -> None:
    read = Pieces(Tokenizer.from_file(str(FILE)))
    for _ in range(2):
        check(read.tokens(TEXTS), tokenizer, TEXTS)
    for text in TEXTS:
        check(read.tokens([text]), tokenizer, [text])


def test_so_are_those_of_random_characters(tokenizer) -> None:
    chance = random.Random(5)
    alphabet = "aAbeé ²³_▁ .,<>s/\n\t'-1٣شياَ日の🍵\u0301" * 3 + "tion the of ing"
    texts = ["".join(chance.choices(alphabet, k=chance.choice([3, 20, 80, 2000]))) for _ in range(400)]
    check(Pieces(Tokenizer.from_file(str(FILE))).tokens(texts), tokenizer, texts)


def test_the_dictionary_is_bounded(tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(pieces, "MOST_SEGMENTS", 50)
    monkeypatch.setattr(pieces, "MOST_CHARACTERS", 400)
    read = Pieces(Tokenizer.from_file(str(FILE)))
    for start in range(0, 600, 20):
        texts = [f"word{place} other{place}" for place in range(start, start + 20)]
        check(read.tokens(texts), tokenizer, texts)
        assert len(read) <= 50
    check(read.tokens(["y" * 500]), tokenizer, ["y" * 500])
    assert len(read) == 0


def test_threads_may_share_it(tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(pieces, "MOST_SEGMENTS", 200)
    read = Pieces(Tokenizer.from_file(str(FILE)))
    failed: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(30):
                texts = [" ".join(f"w{chance.randrange(300)}" for _ in range(20)) for _ in range(4)]
                check(read.tokens(texts), tokenizer, texts)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
