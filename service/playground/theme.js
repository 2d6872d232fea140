// Light, dark, or as the system has it. Loaded before the page is drawn, so that it never flashes.
{
  const CHOICES = ["auto", "light", "dark"];
  const KEPT = "textrnn-theme";

  const kept = () => {
    try {
      return localStorage.getItem(KEPT) ?? "auto";
    } catch {
      return "auto"; // a browser that keeps nothing
    }
  };

  const choose = (theme) => {
    document.documentElement.dataset.theme = CHOICES.includes(theme) ? theme : "auto";
    try {
      localStorage.setItem(KEPT, document.documentElement.dataset.theme);
    } catch {
      // then for this page alone
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
