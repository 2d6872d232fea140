"""The step of every cell in plain numpy, for one row.

    step(p, carry, x, options) -> (carry, output)

`p` has the parameters by their dotted names. Loops stand where the cells have array operations.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def softplus(x):
    return np.log1p(np.exp(x))


def elman(p, carry, x, options):
    (h,) = carry
    h = np.tanh(x @ p["input_kernel"] + h @ p["recurrent_kernel"] + p["bias"])
    return (h,), h


def jordan(p, carry, x, options):
    (context,) = carry
    h = np.tanh(x @ p["input_kernel"] + context @ p["recurrent_kernel"] + p["bias"])
    y = np.tanh(h @ p["output_kernel"] + p["output_bias"])
    return (options.decay * context + y,), y


def fully_recurrent(p, carry, x, options):
    for _ in range(options.settle):
        carry, _ = elman(p, carry, x, options)
    return carry, carry[0]


def rmlp(p, carry, x, options):
    _, h = elman(p, carry, x, options)
    for layer in range(options.depth - 1):
        h = np.tanh(h @ p["layer_kernels"][layer] + p["layer_biases"][layer])
    return (h,), h


def second_order(p, carry, x, options):
    (h,) = carry
    units, total = len(h), np.array(p["bias"])
    for j in range(units):
        for k in range(len(x)):
            for i in range(units):
                total[i] += p["kernel"][j, k * units + i] * h[j] * x[k]
    return (sigmoid(total),), sigmoid(total)


def indrnn(p, carry, x, options):
    (h,) = carry
    u = p["recurrent"]
    if options.slowest is not None:
        bound = 2 ** (1 / options.slowest)
        u = np.clip(u, -bound, bound)
    h = np.maximum(x @ p["input_kernel"] + u * h + p["bias"], 0)
    return (h,), h


def lstm(p, carry, x, options):
    c, h = carry
    z = x @ p["input_kernel"] + h @ p["recurrent_kernel"] + p["bias"]
    i, f, g, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (c, h), h


def gru(p, carry, x, options):
    (h,) = carry
    r_x, z_x, n_x = np.split(x @ p["input_kernel"] + p["bias"], 3)
    r_h, z_h, n_h = np.split(h @ p["recurrent_kernel"], 3)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    n = np.tanh(n_x + r * (n_h + p["recurrent_bias"]))
    h = (1 - z) * n + z * h
    return (h,), h


def mogrifier(p, carry, x, options):
    c, h = carry
    q, r = p["input_gates"], p["state_gates"]
    x = 2 * sigmoid(h @ q[0]) * x
    h = 2 * sigmoid(x @ r[0]) * h
    x = 2 * sigmoid(h @ q[1]) * x
    h = 2 * sigmoid(x @ r[1]) * h
    x = 2 * sigmoid(h @ q[2]) * x
    return lstm(p, (c, h), x, options)


def projected_lstm(p, carry, x, options):
    c, h = carry
    z = x @ p["input_projection"] @ p["input_factor"]
    z = z + h @ p["recurrent_projection"] @ p["recurrent_factor"] + p["bias"]
    i, f, g, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (c, h), h


def mingru(p, carry, x, options):
    (h,) = carry
    z, n = np.split(x @ p["input_kernel"] + p["bias"], 2)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * n
    return (h,), h


def minlstm(p, carry, x, options):
    (h,) = carry
    i, f, n = np.split(x @ p["input_kernel"] + p["bias"], 3)
    i, f = sigmoid(i), sigmoid(f)
    h = f / (f + i) * h + i / (f + i) * n
    return (h,), h


def ctrnn(p, carry, x, options):
    u, y = carry
    tau = 1 + softplus(p["time"])
    pull = x @ p["input_kernel"] + y @ p["recurrent_kernel"] + p["bias"]
    if options.method == "euler":
        u = u + (pull - u) / tau
    else:
        u = np.exp(-1 / tau) * u + (1 - np.exp(-1 / tau)) * pull
    return (u, np.tanh(u)), np.tanh(u)


def _groups(units, count):
    return [unit * count // units for unit in range(units)]


def mtrnn(p, carry, x, options):
    u, y = carry
    groups = _groups(len(u), len(options.time_constants))
    new = np.array(u)
    for i, group in enumerate(groups):
        total = p["bias"][i]
        if group == 0:
            total += x @ p["input_kernel"][:, i]
        for j, other in enumerate(groups):
            if abs(group - other) <= 1:
                total += p["recurrent_kernel"][j, i] * y[j]
        tau = options.time_constants[group]
        new[i] = (1 - 1 / tau) * u[i] + total / tau
    return (new, np.tanh(new)), np.tanh(new)


def clockwork(p, carry, x, options):
    (t,), h = carry
    groups = _groups(len(h), len(options.periods))
    new = np.array(h)
    for i, group in enumerate(groups):
        if t % options.periods[group]:
            continue
        total = p["bias"][i] + x @ p["input_kernel"][:, i]
        for j, other in enumerate(groups):
            if other >= group:
                total += p["recurrent_kernel"][j, i] * h[j]
        new[i] = np.tanh(total)
    return (np.array([(t + 1) % np.lcm.reduce(options.periods)]), new), new


def hmlstm(p, carry, x, options):
    new, below = [], 1.0
    for level, (c, h, (ended,)) in enumerate(carry):
        z = h @ p["recurrent_kernel"][level] + p["bias"][level]
        if level == 0:
            z = z + x @ p["input_kernel"]
        elif below:
            z = z + new[-1][1] @ p["up_kernel"][level - 1]
        if level + 1 < len(carry) and ended:
            z = z + carry[level + 1][1] @ p["down_kernel"][level]
        f, i, o, g = np.split(z[:-1], 4)
        f, i, o, g = sigmoid(f), sigmoid(i), sigmoid(o), np.tanh(g)
        if ended:
            c = i * g
        elif below:
            c = f * c + i * g
        if ended or below:
            h = o * np.tanh(c)
        below = float(np.clip((options.slope * z[-1] + 1) / 2, 0, 1) > 0.5)
        new.append((c, h, np.array([below])))
    return tuple(new), np.concatenate([h for _, h, _ in new])


def compressor(p, carry, x, options):
    lower, upper = carry
    error = lower @ p["prediction"] + p["prediction_bias"] - x
    unexpected = (error**2).sum() > options.threshold * (x**2).sum()
    lower = np.tanh(x @ p["lower_input"] + lower @ p["lower_recurrent"] + p["lower_bias"])
    if unexpected:
        upper = np.tanh(
            np.concatenate([x, lower]) @ p["upper_input"]
            + upper @ p["upper_recurrent"]
            + p["upper_bias"]
        )
    return (lower, upper), np.concatenate([lower, upper])


def echo_state(p, carry, x, options):
    (h,) = carry
    new = np.tanh(x @ p["input_kernel"] + h @ p["recurrent_kernel"] + p["bias"])
    h = (1 - options.leak) * h + options.leak * new
    return (h,), h


def stack(p, carry, x, options):
    elements, h = carry
    total = x @ p["input_kernel"] + p["bias"]
    for place in range(options.read):
        kernel = p["top_kernel"][place * options.width : (place + 1) * options.width]
        total = total + elements[place] @ kernel
    if options.recurrent:
        total = total + h @ p["recurrent_kernel"]
    h = np.tanh(total)
    push, pop, keep = softmax(h @ p["action_kernel"] + p["action_bias"])
    value, new = np.tanh(h @ p["push_kernel"] + p["push_bias"]), np.zeros_like(elements)
    for place in range(len(elements)):
        above = value if place == 0 else elements[place - 1]
        below = elements[place + 1] if place + 1 < len(elements) else 0
        new[place] = push * above + pop * below + keep * elements[place]
    return (new, h), h


def _cosine(a, b):
    return a @ b / (np.sqrt(a @ a + 1e-6) * np.sqrt(b @ b + 1e-6))


def _by_content(memory, key, strength):
    return softmax(strength * np.array([_cosine(key, slot) for slot in memory]))


def _written(memory, weights, erase, add):
    return np.array([m * (1 - w * erase) + w * add for m, w in zip(memory, weights, strict=True)])


def _controller(p, carry, x, values):
    kernels = {name: p[f"controller.{name}"] for name in ("recurrent_kernel", "bias")}
    inputs = np.concatenate([x, values])
    kernels["input_kernel"] = np.concatenate([p["controller.input_kernel"], p["value_kernel"]])
    return lstm(kernels, carry, inputs, None)


def ntm(p, carry, x, options):
    memory, before, value, controller = carry
    slots, width = memory.shape
    controller, h = _controller(p, controller, x, value)
    interface = h @ p["interface.kernel"] + p["interface.bias"]
    places = []
    for head in range(2):
        own = interface[head * (width + 6) : (head + 1) * (width + 6)]
        content = _by_content(memory, np.tanh(own[:width]), softplus(own[width]))
        gate, shift = sigmoid(own[width + 1]), softmax(own[width + 2 : width + 5])
        gated = gate * content + (1 - gate) * before[head]
        shifted = np.zeros(slots)
        for i in range(slots):
            for by, weight in zip((-1, 0, 1), shift, strict=True):
                shifted[i] += gated[(i - by) % slots] * weight
        sharp = shifted ** (1 + softplus(own[width + 5]))
        places.append(sharp / sharp.sum())
    erase, add = interface[-2 * width : -width], interface[-width:]
    memory = _written(memory, places[1], sigmoid(erase), np.tanh(add))
    value = places[0] @ memory
    output = np.concatenate([h, value]) @ p["output.kernel"] + p["output.bias"]
    return (memory, np.array(places), value, controller), output


def dnc(p, carry, x, options):
    memory, usage, precedence, links, reads, written, values, controller = carry
    (slots, width), heads = memory.shape, len(reads)
    controller, h = _controller(p, controller, x, values)
    interface = h @ p["interface.kernel"] + p["interface.bias"]
    reading = interface[: heads * (width + 5)].reshape(heads, width + 5)
    writing = interface[heads * (width + 5) :]
    key, erase, add = writing[:width], writing[width : 2 * width], writing[2 * width : 3 * width]
    strength, allocation_gate, write_gate = writing[3 * width :]

    usage = usage + written - usage * written
    for head in range(heads):
        usage = usage * (1 - sigmoid(reading[head, width + 1]) * reads[head])
    allocation, product = np.zeros(slots), 1.0
    for slot in np.argsort(usage, kind="stable"):
        used = 1e-6 + (1 - 1e-6) * usage[slot]
        allocation[slot] = (1 - used) * product
        product *= used
    gate = sigmoid(allocation_gate)
    content = _by_content(memory, key, 1 + softplus(strength))
    written = sigmoid(write_gate) * (gate * allocation + (1 - gate) * content)
    memory = _written(memory, written, sigmoid(erase), add)

    new_links = np.zeros_like(links)
    for i in range(slots):
        for j in range(slots):
            if i != j:
                kept = (1 - written[i] - written[j]) * links[i, j]
                new_links[i, j] = kept + written[i] * precedence[j]
    precedence = (1 - written.sum()) * precedence + written

    places = []
    for head in range(heads):
        modes = softmax(reading[head, width + 2 :])
        content = _by_content(memory, reading[head, :width], 1 + softplus(reading[head, width]))
        backward, forward = new_links.T @ reads[head], new_links @ reads[head]
        places.append(modes[0] * backward + modes[1] * content + modes[2] * forward)
    values = np.concatenate([place @ memory for place in places])
    output = np.concatenate([h, values]) @ p["output.kernel"] + p["output.bias"]
    state = (memory, usage, precedence, new_links, np.array(places), written, values, controller)
    return state, output


STEPS = {
    "elman": elman, "jordan": jordan, "fully_recurrent": fully_recurrent, "rmlp": rmlp,
    "second_order": second_order, "indrnn": indrnn, "lstm": lstm, "gru": gru,
    "mogrifier": mogrifier, "projected_lstm": projected_lstm, "mingru": mingru,
    "minlstm": minlstm, "ctrnn": ctrnn, "mtrnn": mtrnn, "clockwork": clockwork, "hmlstm": hmlstm,
    "compressor": compressor, "echo_state": echo_state, "stack": stack, "ntm": ntm, "dnc": dnc,
}  # fmt: skip


def unroll(kind, p, x, carry, reverse=False, options=None):
    """One row: x of [time, inputs] -> outputs and the last carry."""
    outputs = [None] * len(x)
    for t in sorted(range(len(x)), reverse=reverse):
        carry, outputs[t] = STEPS[kind](p, carry, x[t], options)
    return outputs, carry
