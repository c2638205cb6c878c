// Before everything else: when a part of the page does not arrive (a phone between two cells), the page is loaded again.
"use strict";

addEventListener("error", (event) => {
  if (!["SCRIPT", "LINK"].includes(event.target.tagName) || event.target.rel === "icon") return;
  const words = document.getElementById("panel");
  if (words !== null) words.textContent = "A part of the page did not arrive. Trying again …";
  setTimeout(() => location.reload(), 1500);
}, true);
