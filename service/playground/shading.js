// The shade of a part of a text: its strength and its sign.

/** `strength` is from -1 to 1; negative values have a dashed underline and another colour. */
export function shade(element, strength, side = strength < 0 ? "against" : "for") {
  element.classList.add("shaded");
  element.dataset.side = side;
  element.style.setProperty("--strength", Math.min(1, Math.abs(strength)).toFixed(3));
}

export function plain(element) {
  element.classList.remove("shaded");
}
