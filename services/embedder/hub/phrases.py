"""Whether and how a model understands phrases, and phrases to tokens."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.hub_config import Family
from services.common.encoders.spec import TextInput
from services.embedder.hub.folder import ModelFolder

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def text_input(folder: ModelFolder, config: Any, family: Family) -> TextInput | None:
    """How phrases are prepared; None where the model, or its folder, understands none.

    Args:
        folder: of the model.
        config: its configuration, as ``transformers`` has it.
        family: of its type.

    Raises:
        InvalidInputError: when the tokenizer cannot be read, or makes tokens that the model does not know.
    """
    data = folder.read("tokenizer.json")
    if family.pooled != "projected" or data is None:
        return None
    try:
        tokenizer = _tokenizer(data)
    except ValueError as error:
        raise InvalidInputError(f"its tokenizer.json cannot be read: {error}") from error
    known = config.text_config.vocab_size
    if max(tokenizer.get_vocab().values(), default=0) >= known:
        raise InvalidInputError(f"its tokenizer.json makes more tokens than the {known} that its configuration says")
    length = config.text_config.max_position_embeddings
    if config.model_type != "siglip":
        return TextInput(len(data), length)
    about = folder.read_json("tokenizer_config.json") or {}
    pad = tokenizer.token_to_id(_word(about.get("pad_token")))
    # SigLIP reads words in small letters. Its second version has another tokenizer, which was given punctuation as well.
    words_only = str(about.get("tokenizer_class", "")).startswith("Siglip")
    return TextInput(len(data), length, config.text_config.pad_token_id if pad is None else pad, True, words_only)


def tokens_of(phrase: str, text: TextInput, tokenizer: bytes) -> NDArray[np.int64]:
    """The tokens of a phrase, int64 [1, n] with n at most ``text.length``; what is longer is cut, its end mark stays.

    Raises:
        InvalidInputError: when the phrase has no words.
        DamagedError: when the tokenizer cannot be read.
    """
    cleaned = phrase.lower() if text.lower else phrase
    if text.words_only:
        cleaned = cleaned.translate(_NO_PUNCTUATION)
    cleaned = " ".join(cleaned.split())
    if not cleaned:
        raise InvalidInputError(f"the phrase {phrase!r} has no words; say what you look for, for example 'a crater'")
    try:
        reader = _tokenizer(tokenizer)
    except ValueError as error:
        raise DamagedError(f"the encoder's tokenizer cannot be read: {error}; import the model again") from error
    reader.enable_truncation(text.length)
    reader.no_padding()
    ids = list(reader.encode(cleaned).ids)
    if text.pad >= 0:
        ids += [text.pad] * (text.length - len(ids))
    return np.asarray([ids], dtype=np.int64)


def _tokenizer(data: bytes) -> Any:
    from tokenizers import Tokenizer  # comes with transformers

    try:
        return Tokenizer.from_str(data.decode())
    except Exception as error:  # the library raises Exception itself
        raise ValueError(" ".join(str(error).split())[:200]) from error


def _word(token: Any) -> str:
    """A special token is a word, or a record with the word as its content."""
    return str(token.get("content", "") if isinstance(token, dict) else token or "")
