// At the door: the token of the link becomes a cookie that no script reads, and the page opens.

const TRIED = "active-labeler:door"; // when this tab was last sent on from here
const AGAIN_MS = 10000;

const find = (id) => document.getElementById(id);

async function join(token) {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) };
  const answer = await fetch("join", request);
  if (!answer.ok) throw new Error((await answer.json()).error);
}

// A cookie of this strictness stays behind when a link on another site is followed, and comes along from here on.
async function isKnown() {
  const last = Number(sessionStorage.getItem(TRIED) ?? 0);
  if (Date.now() - last < AGAIN_MS) return false;
  sessionStorage.setItem(TRIED, String(Date.now()));
  return (await fetch("api/me", { cache: "no-store" })).ok;
}

function enter() {
  const route = location.hash.startsWith("#/") ? location.hash : "";
  location.replace(`./${route}`);
  if (/\/$/.test(location.pathname)) location.reload(); // only the part behind the '#' would change
}

function ask(why) {
  if (why) find("why").textContent = `${why.replace(/\.?$/, ".")} Or paste a link here.`;
  find("door").hidden = false;
}

async function start() {
  const token = location.hash.startsWith("#/") ? "" : location.hash.slice(1);
  if (token !== "") history.replaceState(null, "", location.pathname); // it need not stand in the history
  try {
    if (token !== "") {
      await join(token);
      enter();
    } else if (await isKnown()) enter();
    else ask("");
  } catch (error) {
    ask(error instanceof TypeError ? "The labeler does not answer" : error.message);
  }
}

find("paste").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pasted = find("link").value.trim();
  try {
    await join(pasted.slice(pasted.lastIndexOf("#") + 1));
    enter();
  } catch (error) {
    ask(error instanceof TypeError ? "The labeler does not answer" : error.message);
  }
});

start();
