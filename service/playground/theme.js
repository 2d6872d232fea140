// The light, dark or system theme. Loaded before the page is drawn, so that it does not flash.
{
  const CHOICES = ["auto", "light", "dark"];
  const KEPT = "textrnn-theme";

  const kept = () => {
    try {
      return localStorage.getItem(KEPT) ?? "auto";
    } catch {
      return "auto"; // storage is disabled
    }
  };

  const choose = (theme) => {
    document.documentElement.dataset.theme = CHOICES.includes(theme) ? theme : "auto";
    try {
      localStorage.setItem(KEPT, document.documentElement.dataset.theme);
    } catch {
      // storage is disabled: the theme is kept until the page is left
    }
  };

  choose(kept());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => {
      const theme = document.documentElement.dataset.theme;
      button.querySelector("span").textContent = theme;
      button.setAttribute("aria-label", `Colours: ${theme}`);
    };
    button.addEventListener("click", () => {
      const at = CHOICES.indexOf(document.documentElement.dataset.theme);
      choose(CHOICES[(at + 1) % CHOICES.length]);
      name();
    });
    name();
  });
}
