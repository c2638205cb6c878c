// Words that several pages use.

export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const SILENT = "The labeler does not answer; try again.";
