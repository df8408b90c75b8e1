/**
 * A client for the token handler's OAuth agent and for the APIs behind its authorizer.
 *
 * It holds no token and stores nothing: the session is in HttpOnly cookies, between the browser and the token handler.
 * It adds `credentials: 'include'` and the header `token-handler-version: 1`, which a page on an untrusted origin cannot
 * send (its preflight fails).
 */
import { SessionExpiredError, TokenHandlerError } from './answers.js';
export { SessionExpiredError, TokenHandlerError };
export type Session = import('./answers.js').Session;
export type Options = {
    /**
     * URL of the agent, `https://api.example.com/oauth-agent`; may be relative to the page
     */
    agent: string;
    /**
     * origins whose calls get the session; default: the agent's origin
     */
    apis?: string[];
    /**
     * milliseconds for a call to the agent; default 30 000
     */
    timeout?: number;
    /**
     * refresh this many seconds before the access token expires, in one tab of the browser
     * and only while a tab is visible; default: refresh when a call needs it
     */
    refreshAhead?: number;
    fetch?: typeof globalThis.fetch;
    /**
     * for tests; default: globalThis
     */
    browser?: typeof globalThis;
};
export type Events = {
    /**
     * this page has a new access token
     */
    refreshed: {
        accessTokenExpiresIn?: number;
    };
    /**
     * another user or a new session, here or in another tab
     */
    signedin: Session;
    /**
     * the session ended by a sign-out, here or in another tab
     */
    signedout: Session;
    /**
     * the session ended otherwise, here or in another tab
     */
    sessionexpired: SessionExpiredError;
};
/** Its events are those of {@link Events}, as `CustomEvent`s; `on` gives their details. */
export declare class TokenHandlerClient extends EventTarget {
    #private;
    /** @param {Options} options */
    constructor({ agent, apis, timeout, refreshAhead, fetch, browser }: Options);
    /**
     * Ends a login if the page's URL carries the provider's response, else asks for the session. Calls at the same time
     * get one answer. After a login the URL becomes the place where the user was before it, without loading the page.
     *
     * On a page that is not the redirect URI, `code`, `state` and `response` stay: they are the page's own.
     * RFC 9700 section 4.2.4: on the redirect URI, they do not stay in the history.
     * @param {string} [url]
     * @returns {Promise<Session>}
     */
    onPageLoad(url?: string): Promise<Session>;
    /**
     * Leaves the page for the provider's sign-in.
     * @param {Record<string, string>} [extra] request parameters that the agent allows, such as `login_hint`
     * @param {{returnTo?: string, redirectUri?: string}} [options] the path to show after the login; default: the page's.
     *   redirectUri is one that the agent allows on the page's origin; default: the first one there
     */
    login(extra?: Record<string, string>, { returnTo, redirectUri }?: {
        returnTo?: string;
        redirectUri?: string;
    }): Promise<void>;
    /** Asks whether a user is signed in, and who. */
    session(): Promise<import("./answers.js").Session>;
    /**
     * Refreshes the access token. One refresh runs at a time, in this page and among its tabs: if a rotated refresh token
     * is sent twice, the provider takes it for stolen and ends the session.
     * @throws {SessionExpiredError}
     */
    refresh(): Promise<{
        accessTokenExpiresIn?: number;
    }>;
    /** Ends the session and leaves for the provider's sign-out. Stays on the page if the provider has none. */
    logout(): Promise<void>;
    /** Returns the provider's user information. The agent fetches it with the access token, so this refreshes if needed. */
    userInfo(): Promise<Record<string, any>>;
    /** Returns the payload of the ID token. It does not refresh: the ID token does not expire with the access token. */
    claims(): Promise<Record<string, any>>;
    /**
     * fetch for API calls. A call to a configured API origin carries the session. If its access token has expired, the
     * client refreshes it once and repeats the call once. A body that is a stream cannot be sent twice: then the refused
     * response is returned after the refresh. A call to any other origin is plain fetch.
     * Other errors of the API, such as `insufficient_scope`, are responses, as with fetch.
     * @param {RequestInfo | URL} input @param {RequestInit} [init]
     * @returns {Promise<Response>}
     * @throws {SessionExpiredError | TokenHandlerError | TypeError}
     */
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
    /**
     * Calls the listener with the detail of an event. Returns a function that removes the listener.
     * @template {keyof Events} T @param {T} type @param {(detail: Events[T]) => void} listener
     */
    on<T extends keyof Events>(type: T, listener: (detail: Events[T]) => void): () => void;
    /** Stops listening to other tabs and refreshing ahead. */
    close(): void;
}
