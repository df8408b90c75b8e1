/** The agent's answers: sessions, errors, and the URLs to navigate to. */
export type Session = {
    isLoggedIn: boolean;
    idTokenClaims?: Record<string, unknown>;
    /**
     * in seconds; absent if the token handler does not know it
     */
    accessTokenExpiresIn?: number;
    /**
     * whether the session is bound to this device; absent where device binding is off
     */
    deviceBound?: boolean;
    /**
     * after a login: the path, query and fragment that the user was at before it
     */
    returnTo?: string;
};
/**
 * @typedef {object} Session
 * @property {boolean} isLoggedIn
 * @property {Record<string, unknown>} [idTokenClaims]
 * @property {number} [accessTokenExpiresIn] in seconds; absent if the token handler does not know it
 * @property {boolean} [deviceBound] whether the session is bound to this device; absent where device binding is off
 * @property {string} [returnTo] after a login: the path, query and fragment that the user was at before it
 */
/** A refusal: its HTTP status, its code (`server_error` if it has none), and details for developers. */
export declare class TokenHandlerError extends Error {
    status: number;
    code: string;
    details: string;
    /** @param {number} status @param {string} code @param {string} [details] */
    constructor(status: number, code: string, details?: string);
}
/** The session has ended. The user must sign in again. */
export declare class SessionExpiredError extends TokenHandlerError {
}
/**
 * Returns the URL if it is https, or http on a loopback name. A `javascript:` URL would run in this page, and http
 * would show the request to the network.
 * @param {unknown} value @param {string} name
 */
export declare function trustworthy(value: unknown, name: string): URL;
/** @param {Response} response @returns {Promise<Record<string, any>>} */
export declare function body(response: Response): Promise<Record<string, any>>;
/** @param {Response} response */
export declare function failure(response: Response): Promise<TokenHandlerError>;
/** @param {Record<string, any>} answer @returns {Session} */
export declare function toSession({ is_logged_in: yes, id_token_claims: idTokenClaims, access_token_expires_in: expiry, device_bound: deviceBound }: Record<string, any>): Session;
/** @param {unknown} value */
export declare function seconds(value: unknown): number | undefined;
