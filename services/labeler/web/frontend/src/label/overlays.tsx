// What lies over the swipe page for a while: the menu, the guide, keys, a note, the last answers. Escape closes it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { offered, PAGES } from "../pages/rail";
import type { Inspector } from "./inspector";
import { Guide } from "./guide";
import { shown, type Keys } from "./keys";
import { KeyTable } from "./keytable";
import type { Labeling } from "./labeling";
import { Note } from "./note";
import { Act, Panel } from "./panel";
import { Thumb } from "./thumbs";

interface Props {
  labeling: Labeling;
  inspector: Inspector | null;
  keys: Keys;
  setKeys: (keys: Keys) => void;
  changeName: () => void;
}

const MANY = 60;

export function Overlays({ labeling, inspector, keys, setKeys, changeName }: Props): JSX.Element | null {
  const close = (): void => labeling.show(null);
  if (labeling.overlay === "menu") return <Menu labeling={labeling} inspector={inspector} keys={keys} close={close} changeName={changeName} />;
  if (labeling.overlay === "guide") return <Guide labeling={labeling} close={close} />;
  if (labeling.overlay === "keys") return <KeyTable keys={keys} setKeys={setKeys} close={close} />;
  if (labeling.overlay === "note") return <Note labeling={labeling} close={close} />;
  if (labeling.overlay === "back") return <LastAnswers labeling={labeling} close={close} />;
  return null;
}

function Menu({ labeling, inspector, keys, close, changeName }: Omit<Props, "setKeys"> & { close: () => void }): JSX.Element {
  const onTable = labeling.deck.current !== null;
  const then = (act: () => void) => (): void => { close(); act(); };
  return (
    <Panel enter={close} escape={close}>
      <h1>More</h1>
      <div class="acts">
        <Act click={close}>Back to the image</Act>
        <Act other click={() => labeling.show("guide")}>The question, explained ({shown(keys.guide)})</Act>
        <Act other click={() => labeling.show("back")}>The last answers ({shown(keys.back)})</Act>
        {onTable ? <Act other click={then(() => void labeling.flag())}>Flag this image ({shown(keys.flag)})</Act> : null}
        {onTable ? <Act other click={() => labeling.show("note")}>A note on this image ({shown(keys.note)})</Act> : null}
        {onTable ? <Act other click={then(() => inspector?.toggleLevels())}>Brighten dark images ({shown(keys.levels)})</Act> : null}
        {onTable && labeling.reply?.continuous === false ? <span class="admin"><Act other click={then(() => void labeling.finish(true))}>Finish batch early</Act></span> : null}
        <Act other click={() => labeling.pack()}>Take 200 offline</Act>
        <Act other click={() => labeling.show("keys")}>Keys</Act>
        <Act other click={changeName}>Your name: {labeling.outbox.annotator || "anonymous"}</Act>
      </div>
      <p>Taken offline, images stay yours for an hour, and your answers stay in this browser until the network is back. Keep the tab open.</p>
      <p>Enlarge with the wheel, two fingers, a double tap, or {shown(keys.closer)} and {shown(keys.further)}; Shift and arrows move the image; {shown(keys.whole)} shows all of it.</p>
      <nav class="acts" aria-label="Pages">
        {PAGES.filter(({ name }) => name !== "label").map((page) => (
          <a key={page.word} class={`other ${offered(page)}`} href={`#/run/${labeling.run}/${page.name}`}>{page.word}</a>
        ))}
      </nav>
    </Panel>
  );
}

function LastAnswers({ labeling, close }: { labeling: Labeling; close: () => void }): JSX.Element {
  const [many, setMany] = useState(MANY);
  const last = labeling.history.slice(-many).reverse();
  const more = (): void => {
    if (labeling.history.length < many + MANY) labeling.lookBack();
    setMany(many + MANY);
  };
  return (
    <Panel enter={close} escape={close}>
      <h1>Your last answers</h1>
      {last.length === 0 ? <p>There are none yet.</p> : <p>A tap brings an image back to be answered again.</p>}
      <div class="review">{last.map((given) => <Thumb key={given.card.item} given={given} back={(back) => labeling.undo(back)} />)}</div>
      <div class="acts">
        <Act click={close}>Back to the image</Act>
        {labeling.history.length > many || labeling.hasPast ? <Act other click={more}>Show earlier ones</Act> : null}
      </div>
    </Panel>
  );
}
