// Who labels, how far people agree, and the images that they differ about, to be settled.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { toast } from "../core/notices";
import type { Annotator, Answer, TileData } from "../core/types";
import { counted, SILENT } from "../core/words";
import { Marker } from "../views/marker";
import { Invite } from "./invite";
import { Rows } from "./rows";
import { View } from "./view";

const PAGE = 24;
const MARKS: Record<Answer, string> = { positive: "✓ yes", negative: "✕ no", unsure: "? unsure" };
const ACTS: [Answer, string][] = [["positive", "✓ Yes"], ["negative", "✕ No"], ["unsure", "? Unsure"]];

interface Disputed extends TileData { votes: { name: string; answer: Answer }[] }
interface People { people: Annotator[]; alpha: number | null; disputed: number; images: Disputed[] }

const percent = (part: number, whole: number): string => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–");

export function PeoplePage({ run }: { run: string }): JSX.Element {
  const [found, setFound] = useState<People | null>(null);
  const [trouble, setTrouble] = useState("");
  const marker = useRef<Marker | null>(null);
  const load = useCallback(async (before: Disputed[] = []): Promise<void> => {
    try {
      const next = await call<People>(`api/runs/${run}/people?first=${before.length}&count=${PAGE}`);
      const known = new Set(before.map(({ item }) => item));
      setFound({ ...next, images: [...before, ...next.images.filter(({ item }) => !known.has(item))] });
      setTrouble("");
    } catch (error) {
      setTrouble(error instanceof Refused ? error.message : SILENT);
    }
  }, [run]);
  useEffect(() => {
    const made = new Marker(run, "settle");
    marker.current = made;
    void load();
    return () => made.close();
  }, [run, load]);

  const settle = async (image: Disputed, answer: Answer): Promise<void> => {
    const rest = (found?.images ?? []).filter(({ item }) => item !== image.item);
    setFound((now) => (now === null ? null : { ...now, disputed: now.disputed - 1, images: rest }));
    if (await marker.current?.add([{ item: image.item, answer }], 0)) toast(`Settled: ${MARKS[answer]}`);
    else await load();
    if (rest.length === 0) await load();
  };

  const { people = [], alpha = null, disputed = 0, images = [] } = found ?? {};
  const more = images.length > 0 && images.length < disputed
    ? <button type="button" class="other" onClick={() => void load(images)}>Show more</button> : null;
  return (
    <View run={run} page="people" title="People" bar={more}>
      {found === null || trouble ? <p class="words" role="status">{trouble || "Loading …"}</p> : null}
      <Invite />
      {people.length > 0 ? <Annotators people={people} /> : null}
      {found !== null ? <p class="words">{agreement(alpha)}</p> : null}
      {found !== null ? <h2>{disputed === 0 ? "Nobody disagrees" : `${counted(disputed, "image")} to settle`}</h2> : null}
      {disputed > 0 ? <p class="words">Until somebody settles them, a tie is left out of the training, and three or more answers are weighed by how reliable their givers are.</p> : null}
      <ul class="disputes">
        {images.map((image) => <Dispute key={image.item} run={run} image={image} settle={(answer) => void settle(image, answer)} />)}
      </ul>
    </View>
  );
}

function agreement(alpha: number | null): string {
  if (alpha === null) return "How far people agree shows once several have answered the same images: labeling.overlap asks for that.";
  const word = alpha >= 0.8 ? "reliable" : alpha >= 0.667 ? "good enough for tentative conclusions" : "low: sharpen the definition";
  return `Krippendorff's alpha ${alpha.toFixed(2)}: ${word}. 1 is full agreement, 0 what chance gives.`;
}

function Annotators({ people }: { people: Annotator[] }): JSX.Element {
  return (
    <Rows
      caption="Answers that stand" heads={["Name", "Answers", "Yes", "Unsure", "Taken back", "A minute", "Agreement"]}
      rows={people.map((who) => [
        who.name, who.answers, percent(who.positive, who.answers), percent(who.unsure, who.answers), who.undone,
        who.per_minute === null ? "–" : Math.round(who.per_minute), percent(who.agreed, who.shared),
      ])}
    />
  );
}

function Dispute({ run, image, settle }: { run: string; image: Disputed; settle: (answer: Answer) => void }): JSX.Element {
  return (
    <li>
      <a href={`#/run/${run}/seed/${image.item}`} title="More like this"><img src={image.image} alt={image.name} draggable={false} /></a>
      <div>
        <p class="name">{image.name}</p>
        <ul>{image.votes.map(({ name, answer }) => <li key={name} class={answer}>{`${name}: ${MARKS[answer]}`}</li>)}</ul>
        {(image.notes ?? []).map((note, at) => <p key={at} class="words">⚑ {note}</p>)}
        <div class="acts">
          {ACTS.map(([answer, word]) => (
            <button key={answer} type="button" class={`other ${answer}`} aria-label={`${word.slice(2)}: ${image.name}`} onClick={() => settle(answer)}>{word}</button>
          ))}
        </div>
      </div>
    </li>
  );
}
