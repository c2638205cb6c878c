// Many pictures in one answer of the labeler, each as soon as it is there; see services/labeler/web/sheets.py.

const HEAD = 12; // bytes: place, kind and length, each a uint32
const AT_ONCE = 8; // frames; then whatever else the page has to do gets its turn

export type Kind = "picture" | "unreadable" | "later";
const KINDS: Kind[] = ["picture", "unreadable", "later"];

export interface Frame {
  place: number; // in the request
  kind: Kind;
  content: Uint8Array<ArrayBuffer>;
}

export async function* frames(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Frame> {
  const reader = body.getReader();
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  let given = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = rest.length === 0 ? value : joined(rest, value);
    let at = 0;
    while (rest.length - at >= HEAD) {
      const head = new DataView(rest.buffer, rest.byteOffset + at, HEAD);
      const end = at + HEAD + head.getUint32(8, true);
      if (rest.length < end) break;
      yield { place: head.getUint32(0, true), kind: KINDS[head.getUint32(4, true)] ?? "later", content: rest.slice(at + HEAD, end) };
      at = end;
      given += 1;
      if (given % AT_ONCE === 0) await breath();
    }
    rest = rest.subarray(at);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

// Another task, without the pause that a timer makes.
function breath(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => { port1.close(); resolve(); };
    port2.postMessage(null);
  });
}
