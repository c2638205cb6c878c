// Words that several pages use.

export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const SILENT = "The labeler does not answer; try again.";

// A long step at work: how far it is, how fast, and how long it will take.
export interface Work { step: string; done: number; total: number; per_second: number | null }

export const pace = (rate: number): string => rate.toFixed(rate < 10 ? 1 : 0);

export function course({ step, done, total, per_second: rate }: Work): string {
  const fast = rate !== null && rate > 0 ? rate : null;
  const left = fast === null ? null : Math.ceil((total - done) / fast);
  const time = left === null ? "" : left >= 90 ? `, ${counted(Math.round(left / 60), "minute")} left` : `, ${counted(left, "second")} left`;
  const speed = fast === null ? "" : `, ${pace(fast)} a second`;
  return `${step}: ${done.toLocaleString("en")} of ${counted(total, "image")}${speed}${time}`;
}
