"use strict";
// Brings the list of services up to date in place while some are still being signed out, so that a reader keeps their
// position and hears only what changed. Without JavaScript the page reloads itself instead (see the template).
(function refresh() {
  const state = document.getElementById("signed-out-state");
  if (!state || !state.dataset.refresh) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = answer.ok && page.getElementById("signed-out-state");
      if (!fresh) return; // the page is gone: what is shown stays true as of its time
      if (fresh.innerHTML !== state.innerHTML) state.replaceChildren(...fresh.childNodes);
      if (!fresh.dataset.refresh) delete state.dataset.refresh;
      refresh();
    } catch {
      location.reload();
    }
  }, 1000);
})();
