// The question with its definition, and images that are answered yes and no.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { myName } from "../core/role";
import type { Example } from "../core/types";
import type { Labeling } from "./labeling";
import { Act, Panel } from "./panel";

interface Found { positive: Example[]; negative: Example[] }

export function Guide({ labeling, close }: { labeling: Labeling; close: () => void }): JSX.Element {
  const { run, reply } = labeling;
  const [found, setFound] = useState<Found>({ positive: [], negative: [] });
  useEffect(() => {
    call<Found>(`api/runs/${run}/examples?${new URLSearchParams({ annotator: myName() })}`)
      .then(setFound, () => undefined); // the words are enough without a network
  }, [run]);
  return (
    <Panel enter={close} escape={close}>
      <h1>{reply?.question || reply?.name || "Does this image belong?"}</h1>
      {reply?.definition ? <p class="definition">{reply.definition}</p> : null}
      <Examples images={found.positive} side="positive" title="✓ Answered yes" />
      <Examples images={found.negative} side="negative" title="✕ Answered no" />
      <div class="acts"><Act click={close}>Back to the image</Act></div>
    </Panel>
  );
}

function Examples({ images, side, title }: { images: Example[]; side: string; title: string }): JSX.Element | null {
  if (images.length === 0) return null;
  return (
    <section>
      <h2 class={side}>{title}</h2>
      <div class="review">
        {images.map(({ item, image, name }) => <img key={item} src={image} alt={name} title={name} draggable={false} />)}
      </div>
    </section>
  );
}
