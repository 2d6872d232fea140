"""How near translations come to those that people made: BLEU and chrF, as sacrebleu counts them.

BLEU counts shared sequences of words (Papineni et al. 2002), chrF of characters (Popović 2015).
Post 2018 says why a score is worth nothing without the signature of how it was counted.
"""

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


def measure(found: Sequence[str], gold: Sequence[str], language: str) -> dict[str, float]:
    """`bleu` and `chrf` of texts as they are; `bleu_moses` of texts in lower case with Moses's
    punctuation and tokens, as much of the literature counts it. Each is out of 100."""
    metrics = {
        "bleu": BLEU().corpus_score(found, [gold]).score,
        "chrf": CHRF().corpus_score(found, [gold]).score,
    }
    if language:
        # A tokenized text seems a mistake to sacrebleu, unless it is told that it is not.
        bleu = BLEU(tokenize="none", force=True)
        metrics["bleu_moses"] = bleu.corpus_score(
            _moses(found, language), [_moses(gold, language)]
        ).score
    return metrics


def chrf_of_each(found: Sequence[str], gold: Sequence[str]) -> list[float]:
    """chrF of each text by itself."""
    chrf = CHRF()
    return [chrf.sentence_score(one, [other]).score for one, other in zip(found, gold, strict=True)]


def signatures(found: Sequence[str], gold: Sequence[str]) -> str:
    """How `bleu` and `chrf` were counted, and what BLEU is made of."""
    bleu, chrf = BLEU(), CHRF()
    score = bleu.corpus_score(found, [gold])
    chrf.corpus_score(found, [gold])
    return f"{score}\nBLEU {bleu.get_signature()}\nchrF {chrf.get_signature()}"


def _moses(texts: Sequence[str], language: str) -> list[str]:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalizer, tokenizer = MosesPunctNormalizer(language), MosesTokenizer(language)
    return [
        " ".join(tokenizer.tokenize(normalizer.normalize(text.lower()), escape=False))
        for text in texts
    ]
