// How strongly a part of a text is coloured, and on which side.

/** `strength` from -1 to 1; what is below 0 has dashes beneath it as well as another colour. */
export function shade(element, strength, side = strength < 0 ? "against" : "for") {
  element.classList.add("shaded");
  element.dataset.side = side;
  element.style.setProperty("--strength", Math.min(1, Math.abs(strength)).toFixed(3));
}

export function plain(element) {
  element.classList.remove("shaded");
}
