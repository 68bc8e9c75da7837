import DOMPurify from "dompurify";
import { Marked, type Token } from "marked";

// A model's own HTML is shown as the text it is; only a line break, which tables need, is one.
const BREAK = /^<br\s*\/?>$/i;

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (BREAK.test(text.trim()) ? "<br>" : escaped(text)),
    // Nothing is fetched because a model says so.
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
  },
});

const TAGS =
  "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr input li ol p pre strong table tbody td th thead tr ul".split(
    " ",
  );
const ATTRIBUTES = ["align", "checked", "class", "disabled", "href", "start", "title", "type"];

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
  if (node.tagName === "INPUT") node.setAttribute("aria-label", "task");
});

export function lex(source: string): Token[] {
  return marked.lexer(source);
}

/** A block as HTML in which nothing runs and nothing is fetched. */
export function htmlOf(token: Token): string {
  return DOMPurify.sanitize(marked.parser([token]), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    // Its rule is meant for addresses, and is asked about all that is not named here.
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((each) => each !== "href"),
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
