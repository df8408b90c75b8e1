import { TokenHandlerClient } from '@tokenhandler/client';
import { reactive } from 'vue';

export const api = import.meta.env.VITE_API;
export const client = new TokenHandlerClient({ agent: `${api}/oauth-agent` });

/** What the page knows: the session once the token handler has answered, or the error of the sign-in. */
export const state = reactive({ session: undefined, error: undefined });

const show = (session) => Object.assign(state, { session, error: undefined });
client.on('signedin', show);
client.on('signedout', show);
client.on('sessionexpired', () => show({ isLoggedIn: false }));

client.onPageLoad().then(show, (error) => { state.error = error; });
