// Begin.

canvas.setAttribute("aria-label", `Map of ${document.title}`);
data.fields.forEach((field, k) => {
  const option = make("option", "", field.label);
  option.value = k;
  $("field").append(option);
});
{
  const option = make("option", "", "nothing");
  option.value = -1;
  $("field").append(option);
}
$("field").addEventListener("change", () => {
  useField(Number($("field").value));
  fillLegend();
});
$("all").addEventListener("click", () => {
  state.chosen.clear();
  markLegend();
  light();
});
$("search").addEventListener("submit", (event) => event.preventDefault());
$("words").addEventListener("input", search);
$("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    toMatch(state.match + (event.shiftKey ? -1 : 1));
  } else if (event.key === "Escape" && !$("words").value) {
    canvas.focus({ preventScroll: true });
  }
});
$("larger").addEventListener("click", () => zoomStep(1.6));
$("smaller").addEventListener("click", () => zoomStep(1 / 1.6));
$("whole").addEventListener("click", () => flyTo(wholeView(layouts[arrangement])));
$("arrange").addEventListener("click", () => {
  arrange(arrangement === "map" ? "grid" : "map");
  $("arrange").setAttribute("aria-pressed", String(arrangement === "grid"));
});
$("fold").addEventListener("click", () => {
  const folded = $("panel").parentElement.classList.toggle("folded");
  $("fold").setAttribute("aria-expanded", String(!folded));
  $("fold").textContent = folded ? "more" : "less";
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readPaint);
new ResizeObserver(measure).observe(canvas);

readPaint();
useField(data.fields.length ? 0 : -1);
fillLegend();
measure();
document.documentElement.dataset.ready = String(count);
