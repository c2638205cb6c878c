// A chart: uPlot draws it on a canvas, in the colours of the page, anew with its size, the numbers and the scheme of the screen.
// uPlot comes as a script of its own, with the first chart. Whoever cannot see it is told by its label.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type UPlot from "uplot";

export interface Colours { ink: string; dim: string; line: string; yes: string; no: string }
export type Bars = (gap: number) => UPlot.Series.PathBuilder;
export type Drawing = Pick<UPlot.Options, "scales" | "series" | "bands"> & { axes: [UPlot.Axis, UPlot.Axis] };

interface Props {
  label: string;
  data: UPlot.AlignedData;
  draw: (colours: Colours, bars: Bars) => Drawing;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function Plot({ label, data, draw }: Props): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [scheme, setScheme] = useState(dark.matches);
  useEffect(() => {
    const turned = (): void => setScheme(dark.matches);
    dark.addEventListener("change", turned);
    return () => dark.removeEventListener("change", turned);
  }, []);
  useEffect(() => {
    let gone = false;
    let stop = (): void => {};
    void import("./charts").then(({ UPlot }) => {
      if (!gone && place.current !== null) stop = show(UPlot, place.current, data, draw);
    }).catch(() => {}); // no network: the label and the numbers are there
    return () => { gone = true; stop(); };
  }, [scheme, JSON.stringify(data)]);
  return <div class="plot" role="img" aria-label={label} ref={place} />;
}

// Draws until the function that it returns is called.
function show(Chart: typeof UPlot, place: HTMLElement, data: UPlot.AlignedData, draw: Props["draw"]): () => void {
  const colours = found();
  const drawing = draw(colours, (gap) => Chart.paths.bars?.({ size: [1], gap }) ?? (() => null));
  const chart = new Chart({
    ...drawing, ...measure(place),
    padding: [8, 12, 0, 0],
    axes: drawing.axes.map((axis, at) => dressed(axis, colours, at === 1)),
    legend: { show: false }, cursor: { show: false }, select: { show: false, left: 0, top: 0, width: 0, height: 0 },
  }, data, place);
  const resized = new ResizeObserver(() => chart.setSize(measure(place)));
  resized.observe(place);
  return () => { resized.disconnect(); chart.destroy(); };
}

const measure = (place: HTMLElement): { width: number; height: number } => ({ width: place.clientWidth, height: place.clientHeight });

function found(): Colours {
  const style = getComputedStyle(document.documentElement);
  const named = (name: keyof Colours): string => style.getPropertyValue(`--${name}`).trim();
  return { ink: named("ink"), dim: named("dim"), line: named("line"), yes: named("yes"), no: named("no") };
}

function dressed(axis: UPlot.Axis, { dim, line }: Colours, upwards: boolean): UPlot.Axis {
  const size: UPlot.Axis.Size = (_chart, words) => 12 + 7 * Math.max(1, ...(words ?? []).map((word) => word?.length ?? 0));
  return {
    stroke: dim, font: "12px system-ui, sans-serif", size: upwards ? size : 26, gap: 4,
    grid: { show: upwards, stroke: line, width: 1 }, ticks: { show: false }, border: { show: true, stroke: line, width: 1 },
    ...axis,
  };
}

export const WHOLE = [1, 2, 5].flatMap((first) => Array.from({ length: 10 }, (_, zeros) => first * 10 ** zeros)).sort((a, b) => a - b);
export const counts: UPlot.Axis.Values = (_chart, splits) => splits.map((number) => (number === null ? "" : number.toLocaleString("en")));
