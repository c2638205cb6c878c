// The pages that look at the whole data set, by the word in their address.

import type { JSX } from "preact";
import { Browse } from "./browse";
import { Finish } from "./finish";
import { Grid } from "./grid";
import { MapPage } from "./map";
import { PeoplePage } from "./people";
import { Progress } from "./progress";
import { Quarantine } from "./quarantine";
import { Seed } from "./seed";
import { Start } from "./start";

interface Props {
  page: string;
  run: string;
  item: number | undefined;
}

export function Pages(props: Props): JSX.Element {
  if (props.page === "new") return <Start />;
  if (props.page === "map") return <MapPage run={props.run} />;
  if (props.page === "grid") return <Grid run={props.run} />;
  if (props.page === "finish" || props.page === "export") return <Finish run={props.run} />;
  if (props.page === "people") return <PeoplePage run={props.run} />;
  if (props.page === "quarantine") return <Quarantine run={props.run} />;
  if (props.page === "browse") return <Browse run={props.run} />;
  return props.page === "progress" ? <Progress run={props.run} /> : <Seed run={props.run} item={props.item} />;
}
