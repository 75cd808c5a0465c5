"use strict";
// Draws the plots of this page with Bokeh, which is in the page, and colours them for light or dark paper.

const $ = (id) => document.getElementById(id);
const readJson = (id) => JSON.parse($(id).textContent);

/** The part of the address behind #, as names and values: what the page shows can be bookmarked. */
const asked = new URLSearchParams(location.hash.slice(1));

const plots = {
  document: null,
  painted: [],
  onTheme: [],
  dark: false,

  model(name) { return this.document?.get_model_by_name(name) ?? null; },
  models(name) { return this.document ? [...this.document._all_models.values()].filter((each) => each.name === name) : []; },

  setTheme(dark) {
    this.dark = dark;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    $("theme").querySelector("span").textContent = dark ? "Light" : "Dark";
    for (const [id, property, light, other] of this.painted) {
      this.document.get_model_by_id(id)[property] = dark ? other : light;
    }
    for (const call of this.onTheme) call();
  },

  async start() {
    const { documents, items, painted } = readJson("plots");
    const system = matchMedia("(prefers-color-scheme: dark)");
    if (items.length) {
      const before = new Set(Bokeh.documents);
      await Bokeh.embed.embed_items(documents, items);
      this.document = Bokeh.documents.find((each) => !before.has(each));
      this.painted = painted;
    }
    this.setTheme(asked.has("theme") ? asked.get("theme") === "dark" : system.matches);
    document.documentElement.dataset.drawn = "yes";
    system.addEventListener("change", () => this.setTheme(system.matches));
    $("theme").addEventListener("click", () => this.setTheme(!this.dark));
  },
};

document.documentElement.dataset.theme =
  (asked.get("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
plots.ready = plots.start();
