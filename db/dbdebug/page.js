"use strict";
(() => {
  const every = 2000, slowest = 16000;
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  let paused = false, timer = 0, running = null, delay = every;

  // say sets the state of the connection, for screen readers only if it is new.
  function say(state, text) {
    live.dataset.state = state;
    if (live.textContent !== text) live.textContent = text;
  }

  // fetchPart returns what the server shows at an address, as a document.
  async function fetchPart(address, signal) {
    const answer = await fetch(address, {headers: {"Dbdebug-Part": "1"}, cache: "no-store", redirect: "error", signal});
    const type = answer.headers.get("Content-Type") || "";
    if (!type.startsWith("text/html")) throw new Error("status " + answer.status);
    return {ok: answer.ok, status: answer.status, body: new DOMParser().parseFromString(await answer.text(), "text/html").body};
  }

  // refresh shows the current address. A later call replaces one that runs.
  async function refresh() {
    clearTimeout(timer);
    if (running) running.abort();
    const mine = running = new AbortController();
    const limit = setTimeout(() => mine.abort(), 10000);
    try {
      const part = await fetchPart(location.pathname + location.search, mine.signal);
      if (mine !== running) return false;
      if (!part.ok) throw new Error("status " + part.status);
      keepFocus(() => children(main, part.body));
      document.getElementById("at").textContent = main.querySelector("[data-at]").dataset.at;
      delay = every;
      say(paused ? "still" : "live", paused ? "paused" : "live");
      return true;
    } catch (problem) {
      if (mine !== running) return false;
      delay = Math.min(2 * delay, slowest);
      say("lost", "not up to date: " + (problem.name === "AbortError" ? "no answer" : problem.message || "no connection") + "; reload if it lasts");
      return false;
    } finally {
      clearTimeout(limit);
      if (mine === running) { running = null; schedule(); }
    }
  }

  function schedule() {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(refresh, delay);
  }

  // go shows a view, and keeps it in the address.
  async function go(params, push, hash) {
    const query = params.toString();
    const address = location.pathname + (query ? "?" + query : "") + (hash || "");
    if (push) history.pushState(null, "", address); else history.replaceState(null, "", address);
    await refresh();
    const target = hash && document.getElementById(hash.slice(1));
    if (target) target.scrollIntoView({block: "nearest"});
  }

  // keepFocus restores the focus if a change took it.
  function keepFocus(change) {
    const had = document.activeElement, key = had && had.dataset && had.dataset.key, id = had && had.id;
    change();
    if (!had || had === document.body || document.activeElement === had) return;
    const again = had.isConnected ? had : key ? main.querySelector(`[data-key="${CSS.escape(key)}"]`) : id && document.getElementById(id);
    if (again) again.focus({preventScroll: true});
  }

  const keyOf = node => node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || "" : "";
  const lists = new Set(["MAIN", "TBODY", "UL", "OL", "DL"]); // in which white space between elements has no effect

  // become changes a node into another one, where they differ.
  function become(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    for (const {name, value} of [...to.attributes]) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    for (const {name} of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
    }
    if (!from.hasAttribute("data-keep")) children(from, to);
  }

  // children makes the children of a node those of another one. Nodes with a key
  // are moved; others are changed in their order.
  function children(from, to) {
    const keyed = new Map();
    for (const node of from.childNodes) if (keyOf(node)) keyed.set(keyOf(node), node);
    const used = new Set();
    let at = from.firstChild;
    const skip = () => { while (at && (used.has(at) || lists.has(from.nodeName) && at.nodeType === Node.TEXT_NODE)) at = at.nextSibling; };
    for (const want of [...to.childNodes]) {
      if (lists.has(from.nodeName) && want.nodeType === Node.TEXT_NODE) continue;
      skip();
      const key = keyOf(want), fits = n => n.nodeName === want.nodeName && keyOf(n) === key && !used.has(n);
      let node = key ? keyed.get(key) : at;
      while (node && !key && !fits(node)) node = node.nextSibling;
      if (node && !fits(node)) node = null;
      if (!node) {
        node = document.importNode(want, true);
        from.insertBefore(node, at);
      } else {
        if (node !== at) move(from, node, at);
        become(node, want);
      }
      used.add(node);
    }
    for (const node of [...from.childNodes]) {
      if (!used.has(node) && !(lists.has(from.nodeName) && node.nodeType === Node.TEXT_NODE)) node.remove();
    }
  }

  function move(parent, node, before) {
    if (parent.moveBefore) parent.moveBefore(node, before); else parent.insertBefore(node, before);
  }

  // load shows the answer to a link in its place.
  async function load(link) {
    const place = link.closest("[data-keep]");
    place.setAttribute("aria-busy", "true");
    const wait = document.createElement("p");
    wait.setAttribute("role", "status");
    wait.textContent = "Asking the server…";
    place.append(wait);
    try {
      const part = await fetchPart(link.href);
      wait.remove();
      const shown = document.importNode(part.body.firstElementChild, true);
      for (const old of place.querySelectorAll(".planned")) old.remove();
      place.append(shown);
      if (part.ok) link.textContent = "Plan again";
    } catch (problem) {
      wait.textContent = "No plan: " + problem.message;
      setTimeout(() => wait.remove(), 5000);
    }
    place.removeAttribute("aria-busy");
  }

  document.addEventListener("submit", event => {
    if (event.target.id !== "view") return;
    event.preventDefault();
    const data = new FormData(event.target, event.submitter), params = new URLSearchParams();
    const set = (name, value) => { if (value) params.set(name, value); };
    set("q", data.get("q").trim());
    set("sort", data.has("sort") ? data.get("sort") : data.get("order"));
    set("open", data.has("open") ? data.get("open") : data.get("opened"));
    set("all", data.get("all"));
    go(params, Boolean(event.submitter));
  });

  document.addEventListener("click", event => {
    const link = event.target.closest && event.target.closest("main a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.hasAttribute("data-load")) {
      event.preventDefault();
      load(link);
    } else if (link.getAttribute("href").startsWith("?")) {
      event.preventDefault();
      const to = new URL(link.href);
      go(to.searchParams, true, to.hash);
    }
  });

  let typing = 0;
  document.addEventListener("input", event => {
    if (event.target.id !== "q") return;
    clearTimeout(typing);
    typing = setTimeout(() => event.target.form.requestSubmit(), 200);
  });

  window.addEventListener("popstate", async () => {
    await refresh();
    const q = document.getElementById("q");
    if (q) q.value = new URLSearchParams(location.search).get("q") || "";
  });
  document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : paused || refresh());
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    if (paused) { clearTimeout(timer); say("still", "paused"); } else refresh();
  });

  pause.hidden = false;
  say("live", "live");
  schedule();
})();
