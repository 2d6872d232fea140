"""Reference implementations in plain numpy, one row and one step at a time."""

import itertools

import numpy as np


def expected_calibration_error(probabilities, outcomes, bins=15):
    total = 0.0
    for b in range(bins):
        inside = [
            (p, y)
            for p, y in zip(probabilities, outcomes, strict=True)
            if b / bins <= p < (b + 1) / bins or (b == bins - 1 and p == 1)
        ]
        if inside:
            confidence = sum(p for p, _ in inside) / len(inside)
            accuracy = sum(y for _, y in inside) / len(inside)
            total += len(inside) * abs(confidence - accuracy)
    return total / len(probabilities)


def f1(truth, given):
    hits = sum(1 for t, g in zip(truth, given, strict=True) if t and g)
    return 2 * hits / max(sum(truth) + sum(given), 1)


def all_paths(emissions, start, transition, end):
    """Every path of tags through one row of [time, tags], with its score."""
    paths = []
    for path in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        score = float(start[path[0]]) + float(end[path[-1]])
        score += sum(float(emissions[t, tag]) for t, tag in enumerate(path))
        score += sum(float(transition[a, b]) for a, b in itertools.pairwise(path))
        paths.append((path, score))
    return paths


def crf_sums(emissions, start, transition, end):
    """One row of [time, tags]: the log-sums over all prefixes that end in each tag, over all
    suffixes that follow each tag, and over all paths."""
    forward, backward = [start + emissions[0]], [end]
    for emission in emissions[1:]:
        onward = forward[-1][:, None] + transition + emission
        forward.append(np.logaddexp.reduce(onward, axis=0))
    for emission in emissions[:0:-1]:
        onward = transition + emission + backward[-1]
        backward.append(np.logaddexp.reduce(onward, axis=1))
    return np.array(forward), np.array(backward[::-1]), np.logaddexp.reduce(forward[-1] + end)


def best_path(emissions, start, transition, end):
    """One row of [time, tags]: the score of the best path, and its tags."""
    best, pointers = start + emissions[0], []
    for emission in emissions[1:]:
        onward = best[:, None] + transition
        pointers.append(onward.argmax(axis=0))
        best = onward.max(axis=0) + emission
    path = [int((best + end).argmax())]
    for before in reversed(pointers):
        path.append(int(before[path[-1]]))
    return (best + end).max(), path[::-1]


def log_softmax(logits):
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def all_sequences(step, carry, max_length, bos=2, eos=3):
    """Every finished sequence of at most `max_length` tokens, with its log-probability."""
    sequences = []

    def extend(carry, tokens, total):
        carry, logits = step(carry, tokens[-1] if tokens else bos)
        log_probabilities = log_softmax(logits)
        sequences.append((tuple(tokens), total + log_probabilities[eos]))
        if len(tokens) < max_length:
            for token in range(len(logits)):
                if token != eos:
                    extend(carry, [*tokens, token], total + log_probabilities[token])

    extend(carry, [], 0.0)
    return sequences


def beam_search(
    step, carry, beam, penalty, min_length, max_length, no_repeat_ngram=0, bos=2, eos=3
):
    """One row: finished (tokens, log-probability, [state after each step]), the best one first."""
    alive, ended = [([], 0.0, carry, [])], []
    for t in range(max_length + 1):
        candidates = []
        for tokens, total, state, trace in alive:
            state, logits = step(state, tokens[-1] if tokens else bos)
            log_probabilities = log_softmax(logits)
            for token in range(len(logits)):
                if (token == eos and t < min_length) or (token != eos and t >= max_length):
                    continue
                grams = [
                    (*tokens, token)[i : i + no_repeat_ngram]
                    for i in range(len(tokens) + 2 - no_repeat_ngram)
                ]
                if no_repeat_ngram and token != eos and len(grams) != len(set(grams)):
                    continue
                candidates.append(
                    (tokens, token, total + log_probabilities[token], state, [*trace, state])
                )
        candidates.sort(key=lambda c: -c[2])
        ended += [(c[0], c[2], c[4]) for c in candidates[:beam] if c[1] == eos]
        alive = [([*c[0], c[1]], *c[2:]) for c in candidates if c[1] != eos][:beam]
        if len(ended) >= beam or not alive:
            break
    ended.sort(key=lambda c: -c[1] / (len(c[0]) + 1) ** penalty)
    return ended[:beam]
