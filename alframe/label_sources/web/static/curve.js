// The learning curve: accuracy by labels, with the interval of each estimate.
import { svg } from "./dom.js";
import { S } from "./strings.js";

const WIDTHS = { screen: 640, phone: 340 }; // so that the words stay as large as those around the chart
const HEIGHT = 280;
const MARGIN = { left: 48, right: 16, top: 12, bottom: 36 };

// curves: [{kind, points}], the leading one first.
export function curveChart(curves, title) {
  const most = Math.max(...curves.flatMap(({ points }) => points.map((point) => point.labels)), 1);
  const width = matchMedia("(max-width: 30rem)").matches ? WIDTHS.phone : WIDTHS.screen;
  const x = (labels) => MARGIN.left + (labels / most) * (width - MARGIN.left - MARGIN.right);
  const y = (share) => HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, class: "chart", role: "img", "aria-label": title });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    chart.append(svg("line", { class: "rule", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(share), y2: y(share) }),
      text(MARGIN.left - 8, y(share) + 4, `${share * 100} %`, "end"));
  }
  for (const labels of ticks(most)) chart.append(text(x(labels), HEIGHT - MARGIN.bottom + 18, `${labels}`, "middle"));
  chart.append(text((MARGIN.left + width) / 2, HEIGHT - 2, S.labels, "middle"));
  for (const { kind, points } of [...curves].reverse()) chart.append(drawCurve(kind, points, x, y)); // the leading one on top
  return chart;
}

function drawCurve(kind, points, x, y) {
  const curve = svg("g", { class: `curve ${kind}` });
  const [upper, lower] = ["high", "low"].map((bound) => points.map((point) => `${x(point.labels)},${y(point[bound])}`));
  if (points.length > 1) curve.append(svg("polygon", { class: "band", points: [...upper, ...lower.reverse()].join(" ") }));
  curve.append(svg("polyline", { class: "line", points: points.map((point) => `${x(point.labels)},${y(point.accuracy)}`).join(" ") }));
  for (const point of points) {
    curve.append(svg("line", { class: "whisker", x1: x(point.labels), x2: x(point.labels), y1: y(point.low), y2: y(point.high) }));
    const dot = svg("circle", { class: "dot", cx: x(point.labels), cy: y(point.accuracy), r: 4 });
    const label = svg("title");
    label.textContent = S.curvePoint(point);
    dot.append(label);
    curve.append(dot);
  }
  return curve;
}

function ticks(most) {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

function text(x, y, content, anchor) {
  const node = svg("text", { x, y, "text-anchor": anchor });
  node.textContent = content;
  return node;
}
