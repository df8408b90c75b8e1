import { TokenHandlerClient, type Session } from '@tokenhandler/client';
import { useEffect, useState } from 'react';

export const api: string = import.meta.env.VITE_API;
export const client = new TokenHandlerClient({ agent: `${api}/oauth-agent` });

export type State = { session?: Session; error?: Error };

/** The session of this page; neither member until the token handler has answered. */
export function useSession(): State {
  const [state, setState] = useState<State>({});
  useEffect(() => {
    const show = (session: Session) => setState({ session });
    const listeners = [
      client.on('signedin', show),
      client.on('signedout', show),
      client.on('sessionexpired', () => show({ isLoggedIn: false })),
    ];
    // StrictMode runs this effect twice: both calls get one answer.
    client.onPageLoad().then(show, (error) => setState({ error }));
    return () => listeners.forEach((remove) => remove());
  }, []);
  return state;
}
