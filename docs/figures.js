// Draws each figure of a page when it comes into view, in the page's own colours; TEMPLATES stands above.
(function () {
  const mode = () => (document.body.dataset.mdColorScheme === "slate" ? "dark" : "light");
  const drawn = new Set();

  function draw(box) {
    const figure = JSON.parse(box.dataset.figure);
    const layout = { ...figure.layout, template: TEMPLATES[mode()], autosize: true };
    layout.legend = { ...layout.legend, orientation: "h", x: 0, y: -0.2, yanchor: "top", xanchor: "left" };
    Plotly.react(box, figure.data, layout, { responsive: true, displaylogo: false });
    drawn.add(box);
  }

  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting && !drawn.has(one.target)).forEach((one) => draw(one.target)),
    { rootMargin: "400px" }
  );
  document.querySelectorAll("[data-figure]").forEach((box) => seen.observe(box));
  new MutationObserver(() => drawn.forEach(draw)).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
})();
