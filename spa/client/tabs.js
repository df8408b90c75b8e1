// @ts-check
/** What can change the session behind this page's back: other tabs, and time while the page was hidden or kept. */

/** A page that was hidden looks at the session again if the last look is older. */
const STALE = 60_000;

/**
 * Calls `check` when the session may have changed. Any script of the origin can send a message, so a message only
 * causes a look at the session; its word is a hint why the session ended.
 */
export class Tabs {
  #browser; #name; #check;
  /** @type {BroadcastChannel | undefined} */ #channel;
  #listening = new AbortController();
  looked = 0; // when the page last knew the session, in milliseconds

  /** @param {typeof globalThis} browser @param {string} name @param {(hint?: unknown) => void} check */
  constructor(browser, name, check) {
    this.#browser = browser;
    this.#name = name;
    this.#check = check;
    if (!browser.document) return; // on a server
    const { signal } = this.#listening;
    this.#open();
    browser.addEventListener('pagehide', () => this.#shut(), { signal }); // an open channel can prevent the bfcache
    browser.addEventListener('pageshow', ({ persisted }) => {
      this.#open();
      if (persisted) check();
    }, { signal });
    browser.document.addEventListener('visibilitychange', () => {
      if (!browser.document.hidden && Date.now() - this.looked > STALE) check();
    }, { signal });
  }

  /** Tells the other tabs. @param {string} hint */
  tell(hint) { this.#channel?.postMessage(hint); }

  close() {
    this.#listening.abort();
    this.#shut();
  }

  #open() {
    if (this.#channel || !this.#browser.BroadcastChannel) return;
    this.#channel = new this.#browser.BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#check(data);
  }

  #shut() {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
