// <artsim-similar painting="ID" api="https://artsim.museum.example">: works that look like this one,
// for a museum's own pages. Made of text alone, in a shadow tree, without anything from elsewhere.

const TEXTS = {
  en: { title: "Works that look like this", none: "(no title)" },
  de: { title: "Werke, die diesem ähneln", none: "(ohne Titel)" },
};

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
  :host { display: block; }
  :host([hidden]) { display: none; }
  h2 { font: inherit; font-size: 1.3em; margin: 0 0 0.8em; }
  ol { display: grid; gap: var(--artsim-gap, 1.2em); grid-template-columns: repeat(auto-fill, minmax(min(var(--artsim-width, 9em), 42%), 1fr)); list-style: none; margin: 0; padding: 0; }
  li { min-width: 0; overflow-wrap: anywhere; }
  a { color: inherit; text-decoration: none; display: block; }
  a:hover .title, a:focus-visible .title { text-decoration: underline; }
  img { display: block; width: 100%; height: var(--artsim-height, 9em); object-fit: contain; object-position: left bottom; }
  p { margin: 0.4em 0 0; }
  .detail { margin: 0; opacity: 0.75; font-size: 0.9em; }
`);

const isWeb = (address) => /^https?:\/\/\S+$/.test(address ?? "");

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

class ArtsimSimilar extends HTMLElement {
  static observedAttributes = ["painting", "api", "gallery", "limit", "lang", "link", "all"];

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).adoptedStyleSheets = [STYLE];
    this.load();
  }

  attributeChangedCallback() {
    if (this.isConnected && this.shadowRoot) this.load();
  }

  /** Where artsim answers: by default where this module came from. */
  get api() {
    return (this.getAttribute("api") ?? new URL(import.meta.url).origin).replace(/\/+$/, "");
  }

  get text() {
    const lang = this.closest("[lang]")?.lang || navigator.language;
    return TEXTS[lang.slice(0, 2).toLowerCase()] ?? TEXTS.en;
  }

  async load() {
    const asked = (this.asked = {});
    await null; // several attributes that are set at once are one question
    if (asked !== this.asked) return;
    const params = new URLSearchParams({ id: this.getAttribute("painting") ?? "", limit: this.getAttribute("limit") ?? "6" });
    if (this.getAttribute("gallery")) params.set("gallery", this.getAttribute("gallery"));
    let hits = [];
    try {
      const response = await fetch(`${this.api}/api/v1/similar?${params}`, { credentials: "omit" });
      const found = await response.json();
      if (!response.ok) throw new Error(found.detail);
      hits = found.hits;
    } catch (error) {
      if (asked === this.asked) this.dispatchEvent(new CustomEvent("artsim-error", { detail: error.message, bubbles: true }));
    }
    if (asked === this.asked) this.show(hits);
  }

  show(hits) {
    // Works that are no nearer than any are left out, unless all are asked for.
    const shown = hits.filter((hit) => this.hasAttribute("all") || hit.verdict !== "not near");
    this.shadowRoot.replaceChildren();
    if (shown.length) {
      this.shadowRoot.append(
        make("slot", { name: "title" }, make("h2", {}, this.text.title)),
        make("ol", {}, ...shown.map((hit) => make("li", {}, this.work(hit)))));
    }
    this.dispatchEvent(new CustomEvent("artsim-shown", { detail: shown.length, bubbles: true }));
  }

  work({ painting_id: id, picture_id: picture, payload }) {
    const date = payload.date_text ?? [...new Set([payload.year_start, payload.year_end])].filter((year) => year !== undefined).join("–");
    const image = make("img", { crossOrigin: "anonymous", loading: "lazy", alt: "" });
    image.src = `${this.api}/api/v1/thumbnails/${encodeURIComponent(picture)}?side=480&v=${(payload.image_sha256 ?? "").slice(0, 16)}`;
    image.addEventListener("error", () => image.remove());
    const inside = [image, make("p", { className: "title", dir: "auto" }, payload.title ?? this.text.none),
      make("p", { className: "detail", dir: "auto" }, [payload.artist, date].filter(Boolean).join(", "))];
    const link = this.getAttribute("link")?.replaceAll("{id}", encodeURIComponent(id)) ?? payload.source_url;
    const href = link && new URL(link, document.baseURI).href;
    return isWeb(href) ? make("a", { href }, ...inside) : make("div", {}, ...inside);
  }
}

customElements.define("artsim-similar", ArtsimSimilar);
