import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf, themed } from "./colours";
import type { Series } from "./series";

interface Props {
  title: string;
  unit: string;
  series: Series;
  nothing: string;
  dots?: boolean;
}

const HEIGHT = 150;
const SPAN = 300; // seconds that are shown at least

/** Figures over time, and the last of each in words. */
export function Plot({ title, unit, series, nothing, dots = false }: Props) {
  series.version.value;
  const names = [...series.lines.keys()];
  const isEmpty = [...series.lines.values()].every((line) => line.every((value) => value === null));
  return (
    <section class="panel plot">
      <h2>
        {title} <small class="muted">{unit}</small>
      </h2>
      <div class="canvas">
        <Canvas series={series} names={names} dots={dots} />
        {isEmpty && <p class="nothing muted">{nothing}</p>}
      </div>
      <ul class="legend">
        {names.map((name, index) => (
          <li key={name}>
            <span class={`key-${(index % 6) + 1}`} aria-hidden="true" />
            {name} <b>{shown(series.last(name))}</b>
          </li>
        ))}
      </ul>
    </section>
  );
}

function shown(value: number | null): string {
  return value === null ? "–" : value.toFixed(value < 10 && value % 1 ? 2 : value < 100 && value % 1 ? 1 : 0);
}

function Canvas({ series, names, dots }: { series: Series; names: string[]; dots: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const theme = useTheme();
  const listed = names.join("\n");
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(
      optionsOf(listed ? listed.split("\n") : [], element.clientWidth, dots),
      dataOf(series),
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [series, listed, dots, theme]);
  const version = series.version.value;
  useEffect(() => plot.current?.setData(dataOf(series)), [series, version]);
  return <div ref={place} aria-hidden="true" />;
}

function useTheme(): boolean {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const changed = () => setDark(dark.matches);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return isDark;
}

function dataOf(series: Series): uPlot.AlignedData {
  return [series.times, ...series.lines.values()];
}

function optionsOf(names: string[], width: number, dots: boolean): uPlot.Options {
  const grid = { stroke: themed("--line"), width: 1 };
  const axis: uPlot.Axis = {
    stroke: themed("--muted"),
    grid,
    ticks: { show: false },
    font: `11px ${themed("--sans")}`,
    size: 34,
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, low, high) => [Math.min(low, high - SPAN), high] },
      y: { range: (_, __, high) => [0, Math.max(high * 1.1, 1)] },
    },
    axes: [
      { ...axis, size: 22, space: 70, grid: { show: false }, values: (_, times) => times.map(hourOf) },
      { ...axis, space: 32 },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: colourOf(index),
        width: 1.75,
        points: { show: dots, size: 6, fill: colourOf(index) },
      })),
    ],
  };
}

function hourOf(time: number): string {
  return new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
