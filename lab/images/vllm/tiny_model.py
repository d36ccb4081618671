"""A tiny Llama model whose every answer is one known sentence, for a real vLLM on a CPU, and one that embeds with it.

Its weights are random except where they decide the answer: attention and feed-forward layers add next to nothing to the
residual stream, so the next token depends on the last one alone, and the output layer follows a fixed chain of words.
Everything around it is real: a byte-level tokenizer with a chat template, a key-value cache, weights in safetensors
format (https://github.com/huggingface/safetensors#format), and a cost for each token.
"""

import array
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path

SENTENCE = (
    "This", " is", " the", " lab's", " tiny", " model:", " its", " weights", " are", " made", " up,",
    " but", " your", " key,", " the gateway", " and", " the engine", " that", " answered", " it", " are real.",
)  # fmt: skip
"""The words of the answer, each a token of its own and each different, since a token decides its successor."""

SPECIAL = ("<s>", "</s>", "<pad>")
CONTEXT_LENGTH = 8192
"""Tokens; a byte of the prompt is a token."""
DIMENSIONS = 128
"""Numbers in a vector of the model that embeds."""

_HIDDEN, _FEED_FORWARD, _LAYERS, _HEADS = DIMENSIONS, 256, 2, 4
_VOCABULARY = 320  # a multiple of 64, as vLLM pads it
_QUIET = 1e-3
_POOLING = "1_Pooling"
_PROMPT_MARK = 8.0  # against components of about 1: far above the noise of their products
_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def write_model(folder: Path) -> None:
    """Write the model into the new folder `folder` (about 3 MB). Raises OSError."""
    folder.mkdir(parents=True)
    tokens = vocabulary()
    _write_json(folder / "tokenizer.json", _tokenizer(tokens))
    _write_json(folder / "tokenizer_config.json", _tokenizer_configuration())
    _write_json(folder / "config.json", _configuration(tokens))
    _write_json(folder / "generation_config.json", {"bos_token_id": tokens["<s>"], "eos_token_id": tokens["</s>"]})
    _write_safetensors(folder / "model.safetensors", tokens)


def write_embedding_model(folder: Path) -> None:
    """Write the same model into the new folder `folder` as one that embeds. Raises OSError.

    What vLLM tells it by is Sentence Transformers' list of modules, which published models of this kind bring along. A
    text's vector is what the model makes of its last token: vLLM keeps no prefixes where a vector is taken from all.
    """
    write_model(folder)
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{name}"}
        for index, (path, name) in enumerate((("", "Transformer"), (_POOLING, "Pooling"), ("2_Normalize", "Normalize")))
    ]
    _write_json(folder / "modules.json", modules)
    (folder / _POOLING).mkdir()
    pooling = {"word_embedding_dimension": DIMENSIONS, "pooling_mode_lasttoken": True}
    _write_json(folder / _POOLING / "config.json", pooling)


def vocabulary() -> dict[str, int]:
    """Return each token and its number: 256 bytes, the special tokens, then the words of the answer."""
    return {token: number for number, token in enumerate((*_byte_alphabet(), *SPECIAL, *map(_encode_word, SENTENCE)))}


def successor(tokens: dict[str, int], token: int) -> int:
    """Return the number of the token that follows `token` in every answer."""
    first = tokens[_encode_word(SENTENCE[0])]
    last = first + len(SENTENCE) - 1
    if token == last:
        return tokens["</s>"]
    return token + 1 if first <= token < last else first


def _byte_alphabet() -> tuple[str, ...]:
    """GPT-2's printable character for each byte, which byte-level tokenizers write bytes as."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return (*map(chr, printable), *(chr(256 + index) for index in range(len(others))))


def _encode_word(word: str) -> str:
    return word.replace(" ", "Ġ")


def _tokenizer(tokens: dict[str, int]) -> dict[str, object]:
    special = [
        {"id": tokens[token], "content": token, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for token in SPECIAL
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        # Without merges a prompt is its bytes, and the words of the answer are only ever written, not read.
        "model": {"type": "BPE", "vocab": tokens, "merges": []},
    }


def _tokenizer_configuration() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "model_max_length": CONTEXT_LENGTH,
        "chat_template": _CHAT_TEMPLATE,
    }


def _configuration(tokens: dict[str, int]) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": _HIDDEN,
        "intermediate_size": _FEED_FORWARD,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS,
        "head_dim": _HIDDEN // _HEADS,
        "vocab_size": _VOCABULARY,
        "max_position_embeddings": CONTEXT_LENGTH,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "bos_token_id": tokens["<s>"],
        "eos_token_id": tokens["</s>"],
        "pad_token_id": tokens["<pad>"],
        "torch_dtype": "float32",
    }


def _tensors(tokens: dict[str, int]) -> Iterator[tuple[str, tuple[int, ...], "array.array[float]"]]:
    generator = random.Random(20261124)  # noqa: S311 - weights, not keys
    embedding = _embedding(generator, tokens)
    yield "model.embed_tokens.weight", (_VOCABULARY, _HIDDEN), embedding
    for layer in range(_LAYERS):
        prefix = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{prefix}.{name}.weight", (_HIDDEN,), _ones(_HIDDEN)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            scale = _QUIET if name == "o_proj" else 0.1
            yield f"{prefix}.self_attn.{name}.weight", (_HIDDEN, _HIDDEN), _gaussian(generator, _HIDDEN**2, scale)
        for name in ("gate_proj", "up_proj", "down_proj"):
            scale = _QUIET if name == "down_proj" else 0.1
            shape = (_HIDDEN, _FEED_FORWARD) if name == "down_proj" else (_FEED_FORWARD, _HIDDEN)
            yield f"{prefix}.mlp.{name}.weight", shape, _gaussian(generator, _HIDDEN * _FEED_FORWARD, scale)
    yield "model.norm.weight", (_HIDDEN,), _ones(_HIDDEN)
    yield "lm_head.weight", (_VOCABULARY, _HIDDEN), _output_weights(tokens, embedding)


def _embedding(generator: random.Random, tokens: dict[str, int]) -> "array.array[float]":
    """Random vectors, nearly orthogonal to each other, whose first component says that no word was answered yet."""
    rows = _gaussian(generator, _VOCABULARY * _HIDDEN, 1.0)
    words = range(tokens[_encode_word(SENTENCE[0])], tokens[_encode_word(SENTENCE[-1])] + 1)
    for token in range(_VOCABULARY):
        rows[token * _HIDDEN] = 0.0 if token in words else _PROMPT_MARK
    return rows


def _output_weights(tokens: dict[str, int], embedding: "array.array[float]") -> "array.array[float]":
    """Each word's output row is the embedding of the word before it; the first word's follows everything else."""
    rows = _zeros(_VOCABULARY * _HIDDEN)
    first = tokens[_encode_word(SENTENCE[0])]
    rows[first * _HIDDEN] = 2.0 * _PROMPT_MARK
    for token in range(first, first + len(SENTENCE)):
        target = successor(tokens, token) * _HIDDEN
        rows[target : target + _HIDDEN] = embedding[token * _HIDDEN : (token + 1) * _HIDDEN]
    return rows


def _write_safetensors(path: Path, tokens: dict[str, int]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, shape, values in _tensors(tokens):
        encoded = values.tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (len(data), len(data) + len(encoded))}
        data += encoded
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))


def _gaussian(generator: random.Random, count: int, scale: float) -> "array.array[float]":
    return array.array("f", (generator.gauss(0.0, scale) for _ in range(count)))


def _ones(count: int) -> "array.array[float]":
    return array.array("f", [1.0]) * count


def _zeros(count: int) -> "array.array[float]":
    return array.array("f", [0.0]) * count


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
