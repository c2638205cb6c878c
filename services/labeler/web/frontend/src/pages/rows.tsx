// A table with a caption: the first column says what a row is of.

import type { JSX } from "preact";

interface Props { caption: string; heads: string[]; rows: (string | number)[][] }

export function Rows({ caption, heads, rows }: Props): JSX.Element {
  return (
    <div class="rows" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead><tr>{heads.map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
        <tbody>{rows.map((row, at) => <tr key={at}>{row.map((cell, place) => <td key={place}>{cell}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}
