/** Errors in words a user can act on. */
import { SessionExpiredError, TokenHandlerError } from './client/token-handler.js';

/** @param {unknown} error @returns {{title: string, text: string}} */
export function inWords(error) {
  if (error instanceof SessionExpiredError) {
    return { title: 'Your session has ended', text: 'Sign in again to continue.' };
  }
  if (error instanceof TokenHandlerError) return answerInWords(error.status, codeOf(error));
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { title: 'No response in time', text: 'The token handler took too long. Try again in a moment.' };
  }
  if (error instanceof TypeError && error.message.startsWith('token handler:')) {
    return { title: 'Stopped for your safety', text: 'The token handler returned an address that this page must not open.' };
  }
  if (error instanceof TypeError) {
    return { title: 'The network failed', text: 'The token handler could not be reached. Check the connection and that it is running, then try again.' };
  }
  return { title: 'Something went wrong', text: 'This page has a fault. Reload it to start again.' };
}

/** @param {number} status @param {string} code */
function answerInWords(status, code) {
  const answered = `The response was ${code} (${status}).`;
  if (code === 'access_denied') {
    return { title: 'The provider refused the sign-in', text: 'It was cancelled, or this account may not use this application (access_denied). You can sign in again.' };
  }
  if (code === 'device_binding_required') {
    return { title: 'This browser cannot be used here', text: `The session must be bound to this device, and this browser did not bind it. If it can, sign out and sign in again. ${answered}` };
  }
  if (code === 'device_proof_unavailable') {
    return { title: 'This device could not be checked', text: `You are still signed in; try again in a moment. ${answered}` };
  }
  if (code === 'insufficient_scope' || status === 403) {
    return { title: 'The API refused the call', text: `You are signed in, but not allowed to do this. ${answered}` };
  }
  if (status === 429) return { title: 'Too many calls', text: `Wait a moment, then try again. ${answered}` };
  if (code === 'authorization_server_error') {
    return { title: 'The provider has a problem', text: `You are still signed in; try again in a moment. ${answered}` };
  }
  if (status >= 500) return { title: 'A technical problem', text: `Try again in a moment. ${answered}` };
  return { title: 'The call was refused', text: answered };
}

/** Only a code, never a sentence: the maker of a link must not choose the words of an error. */
function codeOf({ code }) { return /^[a-z][a-z0-9_]{0,39}$/.test(code) ? code : 'an unknown code'; }
