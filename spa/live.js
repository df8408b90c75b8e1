/** Server-sent events of a protected API, for as long as the session lasts. */

/**
 * Reads new orders. An EventSource connects again when its stream ends. If the access token has expired by then, the
 * gateway refuses the connection with 401 and the EventSource closes for good: this function has the page refresh its
 * session and opens another one. It ends with an error if that one does not open either.
 * @param {string} url
 * @param {{refresh: () => Promise<unknown>, show: (text: string) => void, order: (order: unknown) => void, end: (error: unknown) => void}} page
 * @returns {() => void} ends the stream
 */
export function watchOrders(url, page) {
  /** @type {EventSource} */
  let source;
  let ended = false;
  let refreshed = false; // since a stream was open
  const connect = () => {
    page.show('Connecting.');
    source = new EventSource(url, { withCredentials: true });
    source.onopen = () => {
      refreshed = false;
      page.show('Connected. Waiting for orders.');
    };
    source.onmessage = (event) => page.order(JSON.parse(event.data));
    source.onerror = async () => {
      if (ended) return;
      if (source.readyState !== EventSource.CLOSED) return page.show('Connecting.');
      try {
        if (refreshed) throw new TypeError('the stream did not open');
        refreshed = true;
        await page.refresh();
        if (!ended) connect();
      } catch (error) {
        if (!ended) page.end(error);
      }
    };
  };
  connect();
  return () => {
    ended = true;
    source.close();
  };
}
