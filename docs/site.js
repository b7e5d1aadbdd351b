// Long lines and wide tables scroll inside their boxes: the keyboard must reach those, and the
// buttons beside blocks of code need names that differ. The theme leaves both out.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("pre > code, .md-typeset__scrollwrap").forEach((box) => {
    box.tabIndex = 0;
  });
  document.querySelectorAll(".md-code__nav").forEach((buttons, number) => {
    buttons.setAttribute("aria-label", `Block of code ${number + 1}`);
  });
});
