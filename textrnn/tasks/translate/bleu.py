"""Translation quality: BLEU and chrF, computed by sacrebleu.

BLEU compares word n-grams with a reference (Papineni et al. 2002), chrF character n-grams (Popović
2015). Scores are comparable only with the same signature (Post 2018).
"""

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


def corpus_scores(predicted: Sequence[str], gold: Sequence[str], language: str) -> dict[str, float]:
    """Corpus scores from 0 to 100: `bleu` and `chrf` of the texts as they are, and `bleu_moses` of
    lower-cased texts with Moses normalisation and tokenization, as much of the literature reports.
    `bleu_moses` needs the code of the language."""
    metrics = {
        "bleu": BLEU().corpus_score(predicted, [gold]).score,
        "chrf": CHRF().corpus_score(predicted, [gold]).score,
    }
    if language:
        # `force` confirms to sacrebleu that tokenized text is intended.
        bleu = BLEU(tokenize="none", force=True)
        metrics["bleu_moses"] = bleu.corpus_score(
            _moses(predicted, language), [_moses(gold, language)]
        ).score
    return metrics


def sentence_chrf(predicted: Sequence[str], gold: Sequence[str]) -> list[float]:
    """The chrF of each text."""
    chrf = CHRF()
    pairs = zip(predicted, gold, strict=True)
    return [chrf.sentence_score(text, [reference]).score for text, reference in pairs]


def bleu_report(predicted: Sequence[str], gold: Sequence[str]) -> str:
    """The signatures of `bleu` and `chrf`, and the n-gram precisions of BLEU."""
    bleu, chrf = BLEU(), CHRF()
    score = bleu.corpus_score(predicted, [gold])
    chrf.corpus_score(predicted, [gold])
    return f"{score}\nBLEU {bleu.get_signature()}\nchrF {chrf.get_signature()}"


def _moses(texts: Sequence[str], language: str) -> list[str]:
    """Lower-cased texts with Moses normalisation and tokenization."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalizer, tokenizer = MosesPunctNormalizer(language), MosesTokenizer(language)
    return [
        " ".join(tokenizer.tokenize(normalizer.normalize(text.lower()), escape=False))
        for text in texts
    ]
