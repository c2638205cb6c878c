// The page: which run, who, and what the hands do. Routes stand behind the '#', so that they survive proxies.

import { render, type JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useModel } from "./core/model";
import { notices } from "./core/notices";
import "./core/role";
import { Entry } from "./label/entry";
import { Panel } from "./label/panel";
import { Runs } from "./pages/runs";
import "./style.css";
import "./views/views.css";

const ROUTE = /^#\/run\/([A-Za-z0-9_][A-Za-z0-9._-]*)\/(label|progress|seed|grid|browse|map|people|finish|export|quarantine)(?:\/(\d+))?$/;

const STEP = /^#\/run\/([A-Za-z0-9_][A-Za-z0-9._-]*)$/;

type View = (props: { page: string; run: string; item: number | undefined }) => JSX.Element | null;

function App(): JSX.Element {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const turned = (): void => setHash(location.hash);
    addEventListener("hashchange", turned);
    return () => removeEventListener("hashchange", turned);
  }, []);
  const [, run, page, item] = ROUTE.exec(hash) ?? [];
  return (
    <>
      {hash === "#/new" ? <Later page="new" run="" item={undefined} />
        : run === undefined || page === undefined ? <Runs key={hash} choose={hash !== "#/"} wanted={STEP.exec(hash)?.[1]} />
        : page === "label" ? <Entry key={run} run={run} />
        : <Later key={`${run} ${page} ${item ?? ""}`} page={page} run={run} item={item === undefined ? undefined : Number(item)} />}
      <Notices />
    </>
  );
}

// A page that whoever only swipes need not load.
function Later(props: { page: string; run: string; item: number | undefined }): JSX.Element | null {
  const [View, setView] = useState<View | null>(null);
  useEffect(() => { void import("./pages/pages").then(({ Pages }) => setView(() => Pages)); }, []);
  return View === null ? <Panel><p>Loading …</p></Panel> : <View {...props} />;
}

function Notices(): JSX.Element {
  const { word, sentence } = useModel(notices);
  return (
    <>
      <div id="banner" role="status" hidden={sentence === null}>{sentence}</div>
      <div id="toast" role="status" hidden={word === null}>{word}</div>
    </>
  );
}

const place = document.getElementById("app");
if (place !== null) {
  place.replaceChildren();
  render(<App />, place);
}
