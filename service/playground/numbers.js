// Numbers formatted for people.

export function percent(share) {
  if (share > 0.9995 && share < 1) return "> 99.9 %";
  if (share < 0.0005 && share > 0) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

export function signed(value, digits = 3) {
  const shown = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(shown) ? "−" : "+") + shown;
}

/** The surprise, in bits, of an event with this natural log-probability. */
export const bits = (log) => -log / Math.LN2;
