const dark = matchMedia("(prefers-color-scheme: dark)");

/** Draw a chart into its place, in the colours of the page; a click on a point that is an object opens it. */
async function drawChart(place, chart, openObject) {
  const style = getComputedStyle(document.documentElement);
  const [text, line] = ["--text", "--line"].map((name) => style.getPropertyValue(name).trim());
  const sizes = { labelFontSize: 12, titleFontSize: 12 };
  const axis = { ...sizes, labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line };
  const squares = { symbolType: "square", symbolOpacity: 1 };
  const legend = { ...sizes, ...squares, labelColor: text, orient: "bottom", columns: 1, labelLimit: 260 };
  const config = { background: null, font: "system-ui, sans-serif", axis, legend, point: { color: text, opacity: 1 }, view: { stroke: line } };
  const spec = {
    width: "container",
    height: 300,
    description: `${chart.title}. ${chart.text}`,
    autosize: { type: "fit", contains: "padding" },
    ...chart.spec,
    data: { values: chart.rows },
  };
  // `ast` keeps vega from making functions of text, which the page's policy forbids.
  const options = { mode: "vega-lite", actions: false, renderer: "svg", ast: true, config };
  const { view } = await vegaEmbed(place, spec, options);
  view.addEventListener("click", (event, item) => {
    if (item?.datum?.place !== undefined) openObject(item.datum.place);
  });
}

/** Draw all charts, and again where the colours of the page change. */
function drawCharts(charts, openObject) {
  const draw = () => {
    for (const place of document.querySelectorAll("[data-chart]")) {
      drawChart(place, charts[place.dataset.chart], openObject);
    }
  };
  draw();
  dark.addEventListener("change", draw);
}
