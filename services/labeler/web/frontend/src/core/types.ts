// What the labeler says and hears, in the words of services/labeler/web/messages.py and routes/.

export type Answer = "positive" | "negative" | "unsure";
export type Said = Answer | "retracted";

// An image in this page's hands, as it comes.
export interface Card {
  item: number;
  round: number;
  name: string;
  image: string;
  reason?: string; // why it was chosen, and the probability of a yes, where the run shows them
  score?: number | null;
  small?: string; // a small picture, of cards that were answered before this page was opened
}

// An answer of one's own that the labeler has; position: its place in the log.
export interface OwnAnswer extends Card {
  answer: Answer;
  position: number;
}

// An answer on its way; numbers grow with each answer of a client.
export interface Given {
  sequence: number;
  item: number;
  round: number;
  answer: Said;
  shown: boolean; // reason and score of the image were on the page
}

export interface Progress {
  round: number;
  open: number;
  answered: number;
  positives: number;
  yours: number;
}

export interface Reply {
  run: string;
  name: string;
  question: string;
  definition: string;
  batch_size: number;
  continuous: boolean; // cards come without an end
  finished: string | null;
  saved: number[];
  standing: number[];
  refused: { sequence: number; why: string }[];
  held: number[];
  others?: number; // people at work besides this one
  cards: Card[];
  progress: Progress;
}

export interface RunLine {
  run: string;
  name: string;
  question: string;
  open: number;
  finished: boolean;
}

// An image on a page that looks at the whole data set; label: 0 none, 1 yes, 2 no, 3 unsure.
export interface TileData {
  item: number;
  name: string;
  image: string;
  label: number;
  notes?: string[]; // flags and notes of people
}

// An image that explains the question.
export interface Example {
  item: number;
  name: string;
  image: string;
}

export interface Question {
  id: string;
  text: string;
  choices: string[];
  optional: boolean;
  wants_example?: boolean; // an older labeler does not say
}

export interface Light {
  name: string;
  colour: string;
  text: string;
}

export interface LoopWords {
  run: string;
  state: string;
  round: number;
  step: string;
  images: number;
  quarantined: number;
  labels: number;
  positives: number;
  question: Question | null;
  lights: Light[];
  advice: string;
  no_phrases?: string; // why a search takes no phrase; "": it does
  message?: string; // why the run failed, or what came of it; for admins
  rounds: { labels: number; positives: number }[];
}

export interface Head {
  round: number;
  f1: number | null;
  precision: number | null;
  recall: number | null;
}

export interface Dashboard {
  run: string;
  pool: number[];
  sampled: number[];
  sampled_round: number;
  heads: Head[];
  prevalence: [number | null, number | null]; // share of all images that is positive, at least and at most
  drawn: number; // images drawn by lot while embedding that say so; 0: an audit does
  step: string;
  done: number;
  total: number;
  per_second: number | null;
  workers: { name: string; device: string; per_second: number }[];
  continuous: boolean;
  threshold: number;
  queue: { open: number; held: number; unsure: number; answers: number };
  people: Annotator[];
}

// What somebody has done: answers that stand, of which yes and unsure; how many of those that others gave too agree.
export interface Annotator {
  name: string;
  answers: number;
  positive: number;
  unsure: number;
  undone: number;
  per_minute: number | null;
  shared: number;
  agreed: number;
}

// A mark outside of the cards.
export interface Mark {
  item: number;
  answer: Said;
}
